//! The opening handshake in one step each way: an HTTP head that says the least.

use bytes::{Buf, BytesMut};

/// The longest head.
pub(crate) const MAX: usize = 4096;

/// A client's request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) principal: String,
    pub(crate) session: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Accepted { subprotocol: Option<String> },
    Refused { status: u16, retry_after: Option<u64> },
    Nonsense,
}

impl Request {
    pub(crate) fn to_bytes(&self) -> String {
        let subprotocol = if self.session { "sec-websocket-protocol: everwire.v1\r\n" } else { "" };
        format!("GET / HTTP/1.1\r\nx-principal: {}\r\n{subprotocol}\r\n", self.principal)
    }

    /// Takes a request out of the front of what has come. `None` if it is not whole yet.
    pub(crate) fn take(bytes: &mut BytesMut) -> Option<Self> {
        let head = take(bytes)?;
        Some(Self {
            principal: field(&head, "x-principal").unwrap_or_default(),
            session: field(&head, "sec-websocket-protocol").is_some(),
        })
    }
}

impl Response {
    pub(crate) fn to_bytes(&self) -> String {
        match self {
            Self::Accepted { subprotocol: Some(name) } => {
                format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: {name}\r\n\r\n")
            }
            Self::Accepted { subprotocol: None } => "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
            Self::Refused { status, retry_after: Some(pause) } => {
                format!("HTTP/1.1 {status} No\r\nretry-after: {pause}\r\n\r\n")
            }
            Self::Refused { status, retry_after: None } => format!("HTTP/1.1 {status} No\r\n\r\n"),
            Self::Nonsense => "HELLO\r\n\r\n".to_owned(),
        }
    }
}

/// Takes a response out of the front of what has come. `None` if it is not whole yet.
pub(crate) fn response(bytes: &mut BytesMut) -> Option<Response> {
    let head = take(bytes)?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    Some(match status {
        Some(101) => Response::Accepted { subprotocol: field(&head, "sec-websocket-protocol") },
        Some(status) => {
            let retry_after = field(&head, "retry-after").and_then(|pause| pause.parse().ok());
            Response::Refused { status, retry_after }
        }
        None => Response::Nonsense,
    })
}

fn take(bytes: &mut BytesMut) -> Option<String> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end + 2]).into_owned();
    bytes.advance(end + 4);
    Some(head)
}

fn field(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.len() > name.len() && line.starts_with(name))?;
    line[name.len()..].strip_prefix(": ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_written_and_read() {
        let request = Request { principal: "ann".to_owned(), session: true };
        let mut bytes = BytesMut::from(request.to_bytes().as_bytes());
        bytes.extend_from_slice(b"rest");
        assert_eq!(Request::take(&mut bytes), Some(request));
        assert_eq!(&bytes[..], b"rest");
        assert_eq!(Request::take(&mut bytes), None);
        for wanted in [
            Response::Accepted { subprotocol: Some("everwire.v1".to_owned()) },
            Response::Accepted { subprotocol: None },
            Response::Refused { status: 503, retry_after: Some(2) },
            Response::Refused { status: 401, retry_after: None },
            Response::Nonsense,
        ] {
            assert_eq!(response(&mut BytesMut::from(wanted.to_bytes().as_bytes())), Some(wanted));
        }
    }
}
