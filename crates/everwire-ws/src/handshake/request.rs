//! The client's request as bytes (RFC 6455 section 4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Uri};
use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::fields::is_token;
use super::{HandshakeError, HeaderCase};

/// Fields that the handshake writes itself, or that would give the request a body.
const RESERVED: [HeaderName; 9] = [
    header::UPGRADE,
    header::CONNECTION,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_ACCEPT,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The request's head, but for the extensions and the empty line at its end.
pub(super) fn encode(request: &Request<()>, subprotocols: &[String], key: &str) -> Result<Bytes, HandshakeError> {
    if request.method() != Method::GET {
        return Err(bad("the method must be GET"));
    }
    let uri = request.uri();
    let authority = uri.authority().ok_or_else(|| bad("the URL has no host"))?;
    let host = host_field(uri, authority)?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    // `http` takes letters beyond ASCII, which HTTP does not.
    let target = utf8_percent_encode(target, &AsciiSet::EMPTY).to_string();
    check_subprotocols(subprotocols)?;

    let mut out = BytesMut::with_capacity(512);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    put(&[b"GET ", if target.starts_with('/') { b"" } else { b"/" }, target.as_bytes(), b" HTTP/1.1\r\n"]);
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(named), None) => named.as_bytes(),
        (None, _) => host.as_bytes(),
        (Some(_), Some(_)) => return Err(bad("the header host is given twice")),
    };
    put(&[b"Host: ", host, b"\r\n"]);
    put(&[b"Upgrade: websocket\r\nConnection: Upgrade\r\n"]);
    put(&[b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ", key.as_bytes(), b"\r\n"]);
    if !subprotocols.is_empty() {
        put(&[b"Sec-WebSocket-Protocol: ", subprotocols.join(", ").as_bytes(), b"\r\n"]);
    }
    let case = request.extensions().get::<HeaderCase>();
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != header::HOST) {
        if RESERVED.contains(name) {
            return Err(bad(format!("the header {name} belongs to the handshake")));
        }
        put(&[HeaderCase::of(case, name.as_str()).as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    if let Some(credentials) = userinfo(authority)
        && !request.headers().contains_key(header::AUTHORIZATION)
    {
        put(&[b"Authorization: Basic ", STANDARD.encode(credentials).as_bytes(), b"\r\n"]);
    }
    Ok(out.freeze())
}

/// Host and port as the `Host` field has them: without credentials, without a default port (section 4.1 item 4), and
/// without an address' zone, which means something on this machine only (RFC 6874 section 4).
fn host_field(uri: &Uri, authority: &Authority) -> Result<String, HandshakeError> {
    let default_port = match uri.scheme() {
        Some(scheme) if scheme.as_str().eq_ignore_ascii_case("ws") || *scheme == Scheme::HTTP => 80,
        Some(scheme) if scheme.as_str().eq_ignore_ascii_case("wss") || *scheme == Scheme::HTTPS => 443,
        Some(scheme) => return Err(bad(format!("the scheme {scheme} is none of ws, wss, http, https"))),
        None => return Err(bad("the URL has no scheme")),
    };
    let host = authority.host();
    if host.is_empty() {
        return Err(bad("the URL has no host"));
    }
    let behind_host = authority.as_str().rsplit('@').next().and_then(|place| place.strip_prefix(host)).unwrap_or("");
    let host = match host.split_once('%') {
        Some((address, _)) if address.starts_with('[') => format!("{address}]"),
        _ => host.to_owned(),
    };
    match (authority.port_u16(), behind_host) {
        (Some(0), _) => Err(bad("the port is 0")),
        (Some(port), _) if port == default_port => Ok(host),
        (Some(port), _) => Ok(format!("{host}:{port}")),
        (None, "" | ":") => Ok(host),
        (None, _) => Err(bad("the port is not a number up to 65535")),
    }
}

/// `user:password` of the URL, percent-decoded.
fn userinfo(authority: &Authority) -> Option<Vec<u8>> {
    let (userinfo, _) = authority.as_str().rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut credentials: Vec<u8> = percent_decode_str(user).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(password));
    Some(credentials)
}

fn check_subprotocols(subprotocols: &[String]) -> Result<(), HandshakeError> {
    for (i, subprotocol) in subprotocols.iter().enumerate() {
        // Its name is not repeated: some servers take a token there.
        let number = i + 1;
        if !is_token(subprotocol) {
            return Err(bad(format!(
                "subprotocol number {number} is not a token: letters, digits and !#$%&'*+-.^_`|~ only"
            )));
        }
        if subprotocols[..i].contains(subprotocol) {
            return Err(bad(format!("subprotocol number {number} is one of those before it")));
        }
    }
    Ok(())
}

fn bad(why: impl Into<String>) -> HandshakeError {
    HandshakeError::BadRequest(why.into())
}
