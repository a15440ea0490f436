use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{Method, Request, Response, StatusCode, Uri, Version};

use super::RequestError;
use super::head::{MAX_HEAD, MAX_HEADERS, Pace, header_map};

/// Reads an upgrade request from a bare transport, for a server without an HTTP library.
///
/// It returns the request's head, for [`accept`](super::accept) to check. See the [module](super) for an example.
#[derive(Debug, Default)]
pub struct ServerHandshake {
    pace: Pace,
}

impl ServerHandshake {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the request from `input`; `None` if more bytes are needed. Call it after every read.
    ///
    /// The head is consumed from `input`; what follows it stays for
    /// [`Connection::receive`](crate::Connection::receive).
    ///
    /// # Errors
    /// If it is not an HTTP/1.1 request, or too large; [`RequestError::response`] is the response to send.
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Request<()>>, RequestError> {
        if self.pace.is_due(input) {
            let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Request::new(&mut fields);
            match parsed.parse(input) {
                Ok(httparse::Status::Complete(size)) if size > MAX_HEAD => return Err(RequestError::TooLarge),
                Ok(httparse::Status::Complete(size)) => {
                    let request = request(&parsed)?;
                    input.advance(size);
                    return Ok(Some(request));
                }
                Ok(httparse::Status::Partial) => {}
                Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooLarge),
                Err(error) => return Err(RequestError::Malformed(error.to_string())),
            }
        }
        if input.len() > MAX_HEAD { Err(RequestError::TooLarge) } else { Ok(None) }
    }
}

/// The bytes of a response for a bare transport. Except with status 101, a `Content-Length` is added, and `Connection:
/// close` if the response has no `Connection` header.
pub fn response_bytes<B: AsBody>(response: &Response<B>) -> Bytes {
    let status = response.status();
    let body = response.body().as_body();
    let mut out = BytesMut::with_capacity(256 + body.len());
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    let reason = status.canonical_reason().unwrap_or("");
    put(&[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
    for (name, value) in response.headers() {
        if *name != CONTENT_LENGTH {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        put(&[b"content-length: ", body.len().to_string().as_bytes(), b"\r\n"]);
        if !response.headers().contains_key(CONNECTION) {
            put(&[b"connection: close\r\n"]);
        }
    }
    put(&[b"\r\n", body]);
    out.freeze()
}

/// A body for [`response_bytes`].
pub trait AsBody {
    /// The body's bytes.
    fn as_body(&self) -> &[u8];
}

impl AsBody for () {
    fn as_body(&self) -> &[u8] {
        &[]
    }
}

impl AsBody for String {
    fn as_body(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsBody for Bytes {
    fn as_body(&self) -> &[u8] {
        self
    }
}

fn request(parsed: &httparse::Request<'_, '_>) -> Result<Request<()>, RequestError> {
    let malformed = |what: &str| RequestError::Malformed(what.into());
    let mut request = Request::new(());
    *request.version_mut() = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *request.method_mut() = parsed
        .method
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .ok_or_else(|| malformed("impossible method"))?;
    *request.uri_mut() = parsed
        .path
        .and_then(|target| target.parse::<Uri>().ok())
        .ok_or_else(|| malformed("impossible request target"))?;
    *request.headers_mut() = header_map(parsed.headers).ok_or_else(|| malformed("impossible header"))?;
    Ok(request)
}
