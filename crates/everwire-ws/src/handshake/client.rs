use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode, Version};

use super::head::{MAX_HEAD, MAX_HEADERS, Pace, header_map};
use super::{Accepted, Extensions, HandshakeError, Refused, body, fields, key, request};
use crate::deflate::{self, Deflate};

/// The client's side of the opening handshake (RFC 6455 section 4.1).
///
/// Write [`request_bytes`](Self::request_bytes) to the transport, then give what arrives to
/// [`receive`](Self::receive) until it answers. See the [module](super) for an example.
#[derive(Debug)]
pub struct ClientHandshake {
    /// Without its end.
    request: Bytes,
    accept: String,
    subprotocols: Vec<String>,
    /// What is offered of permessage-deflate.
    compression: Option<Deflate>,
    pace: Pace,
    /// A refusal's head, while its body is waited for.
    refused: Option<Refused>,
    /// Bytes of interim responses, which count against the limit too.
    interim: usize,
}

impl ClientHandshake {
    /// Prepares the request.
    ///
    /// `request` has an absolute `ws`, `wss`, `http` or `https` URL and any further headers, written in the case of its
    /// extension [`HeaderCase`](super::HeaderCase); a `Host` among them replaces the URL's. Credentials in the URL
    /// become a `Basic` authorization. `subprotocols` are offered in order of preference. `nonce` must come from the
    /// operating system's randomness.
    ///
    /// # Errors
    /// [`HandshakeError::BadRequest`] if the URL, a subprotocol or the method is not possible, or if a header is given
    /// that belongs to the handshake (`Upgrade`, `Connection`, `Sec-WebSocket-*`) or announces a body.
    pub fn new(request: &Request<()>, subprotocols: &[String], nonce: [u8; 16]) -> Result<Self, HandshakeError> {
        let key = key::from_nonce(nonce);
        Ok(Self {
            request: request::encode(request, subprotocols, &key)?,
            accept: key::accept_for(&key),
            subprotocols: subprotocols.to_vec(),
            compression: None,
            pace: Pace::default(),
            refused: None,
            interim: 0,
        })
    }

    /// Offers permessage-deflate (RFC 7692). Default: it is not offered, and a server that uses it is refused.
    ///
    /// The server may decline; [`Accepted::extensions`] tells what both agreed on.
    #[must_use]
    pub fn compression(mut self, settings: Deflate) -> Self {
        self.compression = Some(settings);
        self
    }

    /// The request, to be written to the transport.
    #[must_use]
    pub fn request_bytes(&self) -> Bytes {
        let mut request = BytesMut::with_capacity(self.request.len() + 192);
        request.extend_from_slice(&self.request);
        if let Some(settings) = &self.compression {
            request.extend_from_slice(b"Sec-WebSocket-Extensions: ");
            request.extend_from_slice(deflate::offer(settings).as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.freeze()
    }

    /// Reads the response from `input`; `None` if more bytes are needed. Call it after every read, and with
    /// `end_of_stream` when the transport has ended.
    ///
    /// The response's head is consumed from `input`; what follows it are frames, and stays for
    /// [`Connection::receive`](crate::Connection::receive). Interim responses (100, 103) are skipped.
    ///
    /// # Errors
    /// If the upgrade is refused or the response breaks a rule; drop the connection then.
    pub fn receive(&mut self, input: &mut BytesMut, end_of_stream: bool) -> Result<Option<Accepted>, HandshakeError> {
        while self.refused.is_none() {
            let Some(response) = self.head(input, end_of_stream)? else { return Ok(None) };
            match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => return self.judge(response).map(Some),
                status if status.is_informational() => self.pace.restart(),
                status => {
                    let mut head = response.into_parts().0;
                    let reason = head.extensions.remove::<Reason>().map(|Reason(reason)| reason).unwrap_or_default();
                    self.refused = Some(Refused { status, reason, headers: head.headers, body: Bytes::new() });
                }
            }
        }
        let Some(refused) = self.refused.take() else { return Ok(None) };
        match body::start(refused.status, &refused.headers, input, end_of_stream) {
            Some(body) => Err(HandshakeError::Refused(Box::new(Refused { body, ..refused }))),
            None => {
                self.refused = Some(refused);
                Ok(None)
            }
        }
    }

    /// Returns `true` if the server has refused the upgrade and only the rest of the response's body is missing. It may
    /// never come: after a while, call [`receive`](Self::receive) with `end_of_stream`.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The next response's head, taken from `input`.
    fn head(&mut self, input: &mut BytesMut, end_of_stream: bool) -> Result<Option<Response<()>>, HandshakeError> {
        if self.pace.is_due(input) || end_of_stream {
            let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut fields);
            match parsed.parse(input) {
                Ok(httparse::Status::Complete(size)) => {
                    let response = response(&parsed)?;
                    self.interim += size;
                    if self.interim > MAX_HEAD {
                        return Err(HandshakeError::TooLarge);
                    }
                    input.advance(size);
                    return Ok(Some(response));
                }
                Ok(httparse::Status::Partial) => {}
                Err(httparse::Error::TooManyHeaders) => return Err(HandshakeError::TooLarge),
                Err(error) => return Err(HandshakeError::Malformed(error.to_string())),
            }
        }
        if self.interim + input.len() > MAX_HEAD {
            Err(HandshakeError::TooLarge)
        } else if end_of_stream {
            Err(HandshakeError::Incomplete)
        } else {
            Ok(None)
        }
    }

    /// The rules for a 101 response.
    fn judge(&self, response: Response<()>) -> Result<Accepted, HandshakeError> {
        let invalid = |why: &'static str| Err(HandshakeError::Invalid(why.into()));
        let headers = response.headers();
        if response.version() != Version::HTTP_11 {
            return invalid("the version is not HTTP/1.1");
        }
        if !fields::contains(headers, UPGRADE, "websocket") {
            return invalid("no Upgrade to websocket");
        }
        if !fields::contains(headers, CONNECTION, "upgrade") {
            return invalid("no Connection: Upgrade");
        }
        match one(headers, SEC_WEBSOCKET_ACCEPT) {
            Ok(Some(accept)) if accept == self.accept => {}
            Ok(None) => return invalid("no Sec-WebSocket-Accept"),
            _ => return invalid("wrong Sec-WebSocket-Accept"),
        }
        let extensions = self.extensions(headers)?;
        let subprotocol = match one(headers, SEC_WEBSOCKET_PROTOCOL) {
            Ok(None) => None,
            Ok(Some(chosen)) if self.subprotocols.iter().any(|offered| offered == chosen) => Some(chosen.to_owned()),
            Ok(Some(chosen)) => {
                // It is the server's text, and may be long.
                let chosen: String = chosen.chars().take(MAX_NAME).collect();
                return Err(HandshakeError::Invalid(format!("the subprotocol {chosen:?} was not offered").into()));
            }
            Err(Repeated) => return invalid("more than one subprotocol"),
        };
        Ok(Accepted { subprotocol, extensions, response })
    }

    /// What the server has accepted of our offer.
    fn extensions(&self, headers: &HeaderMap) -> Result<Extensions, HandshakeError> {
        if fields::list(headers, SEC_WEBSOCKET_EXTENSIONS).next().is_none() {
            return Ok(Extensions::default());
        }
        let settings = self.compression.ok_or(HandshakeError::Invalid("an extension that was not offered".into()))?;
        let answer = fields::joined(headers, SEC_WEBSOCKET_EXTENSIONS);
        let agreement = deflate::check_answer(&answer, &settings).map_err(HandshakeError::Compression)?;
        Ok(Extensions { deflate: Some(agreement) })
    }
}

/// What is shown of a name that the server made up.
const MAX_NAME: usize = 64;

/// What stands behind a response's status.
#[derive(Clone)]
struct Reason(String);

struct Repeated;

/// A field that may stand once.
fn one(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => Ok(Some(value.to_str().unwrap_or("").trim())),
        (Some(_), Some(_)) => Err(Repeated),
    }
}

fn response(parsed: &httparse::Response<'_, '_>) -> Result<Response<()>, HandshakeError> {
    let malformed = |what: &str| HandshakeError::Malformed(what.into());
    let mut response = Response::new(());
    *response.version_mut() = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *response.status_mut() =
        parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(|| malformed("impossible status"))?;
    *response.headers_mut() = header_map(parsed.headers).ok_or_else(|| malformed("impossible header"))?;
    if let Some(reason) = parsed.reason {
        response.extensions_mut().insert(Reason(reason.trim().to_owned()));
    }
    Ok(response)
}
