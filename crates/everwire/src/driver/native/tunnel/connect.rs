//! HTTP CONNECT (RFC 9110 section 9.3.6).

use std::net::SocketAddr;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BytesMut};
use everwire_core::{OpenFailure, OpenFailureKind, Phase, RefusalReason};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::driver::native::failure;
use crate::driver::secrets::Secrets;
use crate::proxy::{Credentials, ProxyUrl};
use crate::target::Target;

pub(super) async fn open<S>(
    mut stream: S,
    proxy: &ProxyUrl,
    target: &Target,
    address: Option<SocketAddr>,
) -> Result<S, OpenFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = address.map_or_else(|| target.host_and_port(), |address| address.to_string());
    let talk = async {
        stream.write_all(request(&asked, proxy.credentials.as_ref()).as_bytes()).await?;
        stream.flush().await?;
        answer(&mut stream).await
    };
    let problem = match talk.await {
        Ok(Answer { status, .. }) if status.is_success() => return Ok(stream),
        Ok(answer) => return Err(refused(&answer, proxy)),
        Err(problem) => problem,
    };
    let place = proxy.host_and_port();
    Err(match problem {
        Problem::Io(error) => failure::io(Phase::Proxy, format!("{place}: {}", failure::io_words(&error))),
        Problem::Ended => failure::io(Phase::Proxy, format!("{place} ended the connection without an answer")),
        Problem::NotHttp(why) => {
            let detail = format!("the answer of {place} is not HTTP ({why}); is it another kind of proxy?");
            failure::not_web_socket(Phase::Proxy, detail)
        }
        Problem::TooLarge => failure::not_web_socket(
            Phase::Proxy,
            format!("the answer of {place} is larger than {MOST} bytes or has more than {MOST_HEADERS} headers"),
        ),
        Problem::Surplus => {
            failure::not_web_socket(Phase::Proxy, format!("{place} sends more than its answer before it is asked to"))
        }
    })
}

fn request(place: &str, credentials: Option<&Credentials>) -> String {
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
    if let Some(Credentials { user, password }) = credentials {
        // RFC 7617.
        request += "Proxy-Authorization: Basic ";
        request += &STANDARD.encode(format!("{user}:{password}"));
        request += "\r\n";
    }
    request + "\r\n"
}

/// What the proxy says.
struct Answer {
    status: StatusCode,
    /// As the proxy wrote it.
    reason: String,
    headers: HeaderMap,
}

enum Problem {
    Io(std::io::Error),
    Ended,
    NotHttp(String),
    TooLarge,
    /// Bytes that nobody behind the tunnel can have sent yet: there, we speak first.
    Surplus,
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// What an answer may have at most, interim responses included.
const MOST: usize = 16 << 10;
const MOST_HEADERS: usize = 100;
const READ_AT_ONCE: usize = 1 << 10;

async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<Answer, Problem> {
    let mut input = BytesMut::with_capacity(READ_AT_ONCE);
    let mut read = 0;
    loop {
        match stream.read_buf(&mut input).await? {
            0 => return Err(Problem::Ended),
            bytes => read += bytes,
        }
        while let Some((answer, size)) = parse(&input)? {
            input.advance(size);
            match answer.status {
                status if status.is_informational() => {}
                status if status.is_success() && !input.is_empty() => return Err(Problem::Surplus),
                _ => return Ok(answer),
            }
        }
        if read >= MOST {
            return Err(Problem::TooLarge);
        }
        input.reserve(READ_AT_ONCE.min(MOST - read));
    }
}

/// The response's head and its size; `None` if it is not complete.
fn parse(input: &[u8]) -> Result<Option<(Answer, usize)>, Problem> {
    let mut fields = [EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut fields);
    let size = match response.parse(input) {
        Ok(Status::Complete(size)) => size,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Problem::TooLarge),
        Err(error) => return Err(Problem::NotHttp(error.to_string())),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| Problem::NotHttp("impossible status".into()))?;
    let headers = response.headers.iter().filter_map(|field| {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(field.value).ok()?))
    });
    let reason = response.reason.unwrap_or_default().trim().to_owned();
    Ok(Some((Answer { status, reason, headers: headers.collect() }, size)))
}

fn refused(answer: &Answer, proxy: &ProxyUrl) -> OpenFailure {
    let (place, status) = (proxy.host_and_port(), answer.status);
    let secrets = Secrets::of_proxy(proxy.credentials.as_ref());
    let said = match answer.reason.as_str() {
        "" => status.to_string(),
        reason => failure::excerpt(&format!("{} {reason}", status.as_str()), &secrets),
    };
    let mut detail = match (status, &proxy.credentials) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(_)) => format!("{place} refused the credentials ({said})"),
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, None) => {
            format!(
                "{place} wants credentials ({said}): put them into the proxy's URL, as in http://user:password@{place}"
            )
        }
        _ => format!("{place} answered {said}"),
    };
    for name in failure::proxies_own() {
        if let Some(why) = answer.headers.get(name).and_then(|value| value.to_str().ok()) {
            detail += &format!(": {}", failure::excerpt(why, &secrets));
        }
    }
    let kind = OpenFailureKind::Refused {
        status: status.as_u16(),
        retry_after: failure::retry_after(&answer.headers, SystemTime::now()),
        fresh_credentials: false,
        reason: RefusalReason::Status,
    };
    OpenFailure { phase: Phase::Proxy, kind, detail }
}
