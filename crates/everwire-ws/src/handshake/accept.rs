use std::fmt;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};

use super::{Accepted, Extensions, fields, key};
use crate::deflate::{self, Deflate};

/// An upgrade request that breaks a rule, with the response that tells the client.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The fault, in a few words.
    pub reason: &'static str,
    /// The response to send: 400, 405 or 426, with the headers that the status requires and the reason as its body.
    pub response: Response<String>,
}

/// Checks an upgrade request (RFC 6455 section 4.2.1) and prepares the 101 response (section 4.2.2).
///
/// `choose` gets the offered subprotocols in the client's order of preference and returns one of them, or none. One
/// that was not offered counts as none, since a client would have to refuse it. The caller has to check the `Origin`
/// before.
///
/// # Errors
/// A [`Rejection`] with the response to send.
///
/// ```
/// use everwire_ws::handshake::accept;
/// use http::Request;
///
/// let request = Request::get("/chat")
///     .header("host", "example.org")
///     .header("upgrade", "websocket")
///     .header("connection", "keep-alive, Upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let accepted = accept(&request, |_offered| None)?;
/// assert_eq!(accepted.response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn accept<B>(
    request: &Request<B>,
    choose: impl FnOnce(&[&str]) -> Option<String>,
) -> Result<Accepted, Box<Rejection>> {
    accept_with(request, choose, None)
}

/// Like [`accept`], with permessage-deflate (RFC 7692) if there are settings for it: the first of the client's offers
/// that they allow is accepted. A client that offers none gets a connection without compression.
///
/// # Errors
/// As of [`accept`].
///
/// ```
/// use everwire_ws::Deflate;
/// use everwire_ws::handshake::accept_with;
/// use http::Request;
///
/// let request = Request::get("/chat")
///     .header("host", "example.org")
///     .header("upgrade", "websocket")
///     .header("connection", "Upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
///     .body(())?;
/// let accepted = accept_with(&request, |_offered| None, Some(&Deflate::default()))?;
/// assert!(accepted.extensions.deflate.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn accept_with<B>(
    request: &Request<B>,
    choose: impl FnOnce(&[&str]) -> Option<String>,
    compression: Option<&Deflate>,
) -> Result<Accepted, Box<Rejection>> {
    let offered = check(request)?;
    let subprotocol = choose(&offered).filter(|chosen| offered.contains(&chosen.as_str()));
    let mut response = switching(&key::accept_for(key_of(request)), subprotocol.as_deref())?;
    let mut extensions = Extensions::default();
    if let Some(settings) = compression {
        let offers = fields::joined(request.headers(), SEC_WEBSOCKET_EXTENSIONS);
        if let Some((agreement, answer)) = deflate::answer_to(&offers, settings) {
            response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, value(&answer)?);
            extensions.deflate = Some(agreement);
        }
    }
    Ok(Accepted { subprotocol, extensions, response })
}

/// Judges an upgrade request as [`accept`] does, without an answer to it yet. Returns the subprotocols that it offers, in the
/// client's order of preference.
///
/// # Errors
/// The [`Rejection`] says what to answer.
///
/// ```
/// use everwire_ws::handshake::check;
/// use http::Request;
///
/// let request = Request::get("/chat")
///     .header("host", "example.org")
///     .header("upgrade", "websocket")
///     .header("connection", "Upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("sec-websocket-protocol", "chat.v2, chat.v1")
///     .body(())?;
/// assert_eq!(check(&request)?, ["chat.v2", "chat.v1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check<B>(request: &Request<B>) -> Result<Vec<&str>, Box<Rejection>> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "the method must be GET", &[("allow", "GET")]));
    }
    if request.version() != Version::HTTP_11 {
        return Err(bad("the version must be HTTP/1.1"));
    }
    if !fields::contains(headers, UPGRADE, "websocket") || !fields::contains(headers, CONNECTION, "upgrade") {
        let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
        return Err(Rejection::new(StatusCode::UPGRADE_REQUIRED, "a WebSocket upgrade is required", &upgrade));
    }
    if count(request, SEC_WEBSOCKET_VERSION) != 1 || headers[SEC_WEBSOCKET_VERSION].as_bytes() != b"13" {
        let version = [("sec-websocket-version", "13"), ("upgrade", "websocket"), ("connection", "upgrade")];
        return Err(Rejection::new(StatusCode::UPGRADE_REQUIRED, "the WebSocket version must be 13", &version));
    }
    if count(request, HOST) > 1 || (count(request, HOST) == 0 && request.uri().authority().is_none()) {
        return Err(bad("there must be one Host"));
    }
    let body = headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    if body || headers.contains_key(TRANSFER_ENCODING) {
        return Err(bad("an upgrade request has no body"));
    }
    if count(request, SEC_WEBSOCKET_KEY) != 1 || !key::is_valid(key_of(request)) {
        return Err(bad("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    offered(request)
}

fn key_of<B>(request: &Request<B>) -> &str {
    request.headers().get(SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok()).map(str::trim).unwrap_or("")
}

/// The subprotocols that the client offers.
fn offered<B>(request: &Request<B>) -> Result<Vec<&str>, Box<Rejection>> {
    let mut offered = Vec::new();
    for element in fields::list(request.headers(), SEC_WEBSOCKET_PROTOCOL) {
        match element {
            Some(name) if fields::is_token(name) && !offered.contains(&name) => offered.push(name),
            _ => return Err(bad("Sec-WebSocket-Protocol must be a list of distinct tokens")),
        }
    }
    Ok(offered)
}

fn switching(accept: &str, subprotocol: Option<&str>) -> Result<Response<()>, Box<Rejection>> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, value(accept)?);
    if let Some(subprotocol) = subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value(subprotocol)?);
    }
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Box<Rejection>> {
    HeaderValue::from_str(text).map_err(|_| bad("impossible header"))
}

fn count<B>(request: &Request<B>, name: HeaderName) -> usize {
    request.headers().get_all(name).iter().count()
}

fn bad(reason: &'static str) -> Box<Rejection> {
    Rejection::new(StatusCode::BAD_REQUEST, reason, &[])
}

impl Rejection {
    fn new(status: StatusCode, reason: &'static str, headers: &[(&'static str, &'static str)]) -> Box<Self> {
        let mut response = Response::new(format!("{reason}\n"));
        *response.status_mut() = status;
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Box::new(Self { reason, response })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for Rejection {}
