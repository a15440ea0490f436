//! Errors as causes: each one clear line.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use everwire_core::{CertificateProblem, Loss, OpenFailure, OpenFailureKind, Phase, ReachProblem, RefusalReason};
use everwire_tokio::{OpenError, SocketError};
use everwire_ws::handshake::{HandshakeError, MAX_HEAD, MAX_HEADERS, Refused};
use everwire_ws::{CloseFrame, ProtocolError};
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SEC_WEBSOCKET_VERSION, SERVER, SET_COOKIE, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, StatusCode};

use super::redirect::NotFollowed;
use crate::driver::secrets::Secrets;
use crate::hook_error::{chain, one_line};

pub(super) fn io(phase: Phase, detail: String) -> OpenFailure {
    OpenFailure { phase, kind: OpenFailureKind::Io, detail }
}

pub(super) fn unreachable(phase: Phase, is_proxy: bool, problem: ReachProblem, detail: String) -> OpenFailure {
    OpenFailure { phase, kind: OpenFailureKind::Unreachable { is_proxy, problem }, detail }
}

pub(super) fn certificate(phase: Phase, problem: CertificateProblem, detail: String) -> OpenFailure {
    OpenFailure { phase, kind: OpenFailureKind::Certificate(problem), detail }
}

pub(super) fn not_web_socket(phase: Phase, detail: String) -> OpenFailure {
    OpenFailure { phase, kind: OpenFailureKind::NotWebSocket, detail }
}

pub(super) fn bad_request(detail: String) -> OpenFailure {
    OpenFailure { phase: Phase::Request, kind: OpenFailureKind::BadRequest, detail }
}

/// `fresh_credentials`: whether the next attempt may bring others.
pub(super) fn upgrade(error: OpenError, fresh_credentials: bool, secrets: &Secrets) -> OpenFailure {
    match error {
        OpenError::Io(error) => io(Phase::Upgrade, io_words(&error)),
        OpenError::Handshake(HandshakeError::Refused(refused)) => {
            let kind = OpenFailureKind::Refused {
                status: refused.status.as_u16(),
                retry_after: retry_after(&refused.headers, SystemTime::now()),
                fresh_credentials,
                reason: refusal_reason(&refused),
            };
            OpenFailure { phase: Phase::Upgrade, kind, detail: refusal(&refused, secrets) }
        }
        OpenError::Handshake(HandshakeError::Incomplete) | OpenError::UnexpectedEnd => {
            io(Phase::Upgrade, "the server ended the connection without an answer".into())
        }
        OpenError::Handshake(HandshakeError::BadRequest(why)) => bad_request(why),
        OpenError::Handshake(HandshakeError::Malformed(why)) => {
            not_web_socket(Phase::Upgrade, format!("the server's answer is not HTTP ({})", secrets.hide(&why)))
        }
        OpenError::Handshake(HandshakeError::Invalid(why)) => {
            let why = secrets.hide(&why);
            not_web_socket(Phase::Upgrade, format!("the server's answer breaks the rules of the handshake: {why}"))
        }
        OpenError::Handshake(HandshakeError::Compression(why)) => {
            let detail = format!("the server's answer breaks the rules of the handshake: permessage-deflate: {why}");
            OpenFailure { phase: Phase::Upgrade, kind: OpenFailureKind::Compression, detail }
        }
        OpenError::Handshake(HandshakeError::TooLarge) => {
            let most = MAX_HEAD >> 10;
            let detail = format!("the head of the server's answer has more than {most} KiB or {MAX_HEADERS} fields");
            not_web_socket(Phase::Upgrade, detail)
        }
        OpenError::Handshake(error) => {
            let why = secrets.hide(&error.to_string());
            not_web_socket(Phase::Upgrade, format!("the server's answer is not a WebSocket handshake: {why}"))
        }
        other => io(Phase::Upgrade, chain(&other)),
    }
}

/// A redirect that is not followed although redirects are.
pub(super) fn redirect(refused: &Refused, not_followed: &NotFollowed, secrets: &Secrets) -> OpenFailure {
    let kind = OpenFailureKind::Refused {
        status: refused.status.as_u16(),
        retry_after: retry_after(&refused.headers, SystemTime::now()),
        fresh_credentials: false,
        reason: not_followed.reason,
    };
    let cookie = cookie_words(&refused.headers);
    let why = secrets.hide(&not_followed.words);
    let detail = format!("the server answered {} and redirects {why}; this is not followed{cookie}", refused.status);
    OpenFailure { phase: Phase::Upgrade, kind, detail }
}

pub(super) fn loss(error: SocketError) -> Loss {
    match error {
        SocketError::Io(error) => Loss::Io(io_words(&error)),
        SocketError::Protocol(error @ ProtocolError::InflatedTooFar { .. }) => Loss::InflatedTooFar(error.to_string()),
        SocketError::Protocol(error) => Loss::Protocol(error.close_code(), error.to_string()),
        SocketError::UnexpectedEnd => Loss::Ended,
        other => Loss::Io(chain(&other)),
    }
}

/// The close frame of a peer with a valid code and an invalid reason, cut within a character or too long: its meaning
/// is clear.
pub(super) fn flawed_close(error: &SocketError) -> Option<CloseFrame> {
    match error {
        SocketError::Protocol(ProtocolError::CloseReasonInvalid(frame)) => Some(frame.clone()),
        SocketError::Protocol(ProtocolError::CloseTooLong(frame)) if frame.code.is_allowed_on_wire() => {
            let reason = format!("{}…", frame.reason).into();
            Some(CloseFrame { reason, ..*frame })
        }
        _ => None,
    }
}

/// Describes why a TCP connection to `place` failed.
pub(super) fn tcp_words(error: &io::Error, place: &str) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("connection refused by {place}"),
        ErrorKind::TimedOut => format!("no answer from {place}"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("{place} can't be reached: {}", io_words(error))
        }
        _ => format!("can't connect to {place}: {}", io_words(error)),
    }
}

/// The same without the address, for a list in which each failure follows its address.
pub(super) fn tcp_problem(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::TimedOut => "no answer".into(),
        _ => io_words(error),
    }
}

/// The kind of problem for which a TCP connection failed.
pub(super) fn reach_problem(error: &io::Error) -> ReachProblem {
    match error.kind() {
        ErrorKind::ConnectionRefused => ReachProblem::Refused,
        ErrorKind::TimedOut => ReachProblem::NoAnswer,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => ReachProblem::NoRoute,
        _ => ReachProblem::Other,
    }
}

/// Words for an error of an open transport.
pub(super) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset => "connection reset by the peer".into(),
        ErrorKind::BrokenPipe => "the peer no longer reads the connection".into(),
        ErrorKind::TimedOut => "the peer's machine does not answer".into(),
        ErrorKind::UnexpectedEof => "the stream ended in the middle".into(),
        ErrorKind::HostUnreachable => "host unreachable".into(),
        ErrorKind::NetworkUnreachable => "network unreachable".into(),
        _ => error.to_string(),
    }
}

/// The first error of this type on the way to the innermost cause.
pub(super) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An `io::Error` that wraps another names that one's source, not the error itself.
        let wrapped = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The innermost cause, in words.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    one_line(&error.to_string())
}

/// What a proxy adds to an answer of its own: RFC 9209, and what Squid has instead.
pub(super) fn proxies_own() -> [HeaderName; 2] {
    [HeaderName::from_static("proxy-status"), HeaderName::from_static("x-squid-error")]
}

fn refusal_reason(refused: &Refused) -> RefusalReason {
    let headers = &refused.headers;
    if !refused.status.is_redirection() && other_version(headers, &Secrets::default()).is_some() {
        RefusalReason::OtherVersion
    } else if proxies_own().iter().any(|name| headers.contains_key(name)) {
        RefusalReason::Intermediary
    } else {
        RefusalReason::Status
    }
}

fn refusal(refused: &Refused, secrets: &Secrets) -> String {
    let mut words = format!("the server answered {}, not an upgrade", excerpt(&refused.status_line(), secrets));
    let names = [SERVER, VIA].into_iter().chain(proxies_own());
    let who = names.filter_map(|name| refused.headers.get(&name).map(|value| (name, value)));
    let who: Vec<_> = who.map(|(name, value)| format!("{name}: {}", of_bytes(value.as_bytes(), secrets))).collect();
    if !who.is_empty() {
        words += &format!(" ({})", who.join(", "));
    }
    if refused.status.is_redirection() {
        match location(&refused.headers) {
            Some(location) => {
                words += &format!(" (it redirects to {}, which is not followed)", secrets.hide(&location))
            }
            None => words += " (a redirect, which is not followed)",
        }
        words += cookie_words(&refused.headers);
    } else if let Some(version) = other_version(&refused.headers, secrets) {
        words += &format!("; it speaks version {version} of the WebSocket protocol, and 13 was asked for");
    } else if refused.status == StatusCode::UPGRADE_REQUIRED {
        let wanted = refused.headers.get(UPGRADE).map(|name| of_bytes(name.as_bytes(), secrets));
        words += &match wanted.filter(|name| !name.to_ascii_lowercase().contains("websocket")) {
            Some(other) => format!("; it wants an upgrade to {other}"),
            None => "; it has not seen that one was asked for, or speaks another version than 13".to_owned(),
        };
    } else if refused.status.is_success() && refused.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0") {
        words += ", with an empty body";
    } else if let Some(body) = body_words(refused, secrets) {
        words += &format!(": {body}");
    }
    words
}

/// The versions that a server names that does not speak ours (RFC 6455 section 4.4).
fn other_version(headers: &HeaderMap, secrets: &Secrets) -> Option<String> {
    let named: Vec<_> =
        headers.get_all(SEC_WEBSOCKET_VERSION).iter().map(|value| of_bytes(value.as_bytes(), secrets)).collect();
    let named = named.join(", ");
    let ours = named.split(',').any(|version| version.trim() == "13");
    (!ours && !named.trim().is_empty()).then_some(named)
}

/// What may be behind a redirect.
fn cookie_words(headers: &HeaderMap) -> &'static str {
    match headers.contains_key(SET_COOKIE) {
        true => "; it sets a cookie, and cookies are not kept: give it as a header, `Cookie: …`",
        false => "",
    }
}

/// Where a redirect leads, without user, password and query, which may be secrets.
fn location(headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let place = location.split(['?', '#']).next().unwrap_or_default();
    let Some(at) = place.find("//") else { return Some(one_line(place)) };
    let (before, rest) = place.split_at(at + 2);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(one_line(&format!("{before}{host}{path}")))
}

/// The start of what the server says in plain words, JSON or a page, of which only the text helps.
fn body_words(refused: &Refused, secrets: &Secrets) -> Option<String> {
    let kind = refused.headers.get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or("?"));
    let body = String::from_utf8_lossy(&refused.body);
    let words = match kind.split(';').next().unwrap_or_default().trim() {
        "text/html" | "application/xhtml+xml" => text_of_page(&body, secrets),
        "text/plain" | "application/json" => excerpt(&body, secrets),
        // Some answers come without any head but the status.
        "" if body.starts_with('<') => text_of_page(&body, secrets),
        "" if str::from_utf8(&refused.body).is_ok() => excerpt(&body, secrets),
        _ => return None,
    };
    (!words.is_empty()).then_some(words)
}

/// The text of a page of HTML, without its tags, scripts and styles; names of characters are left as they stand.
fn text_of_page(page: &str, secrets: &Secrets) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text += before;
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let end = match name.to_ascii_lowercase().as_str() {
            _ if tag.starts_with('/') => tag.find('>'),
            "script" => tag.find("</script"),
            "style" => tag.find("</style"),
            _ if tag.starts_with("!--") => tag.find("-->"),
            _ => tag.find('>'),
        };
        let Some(end) = end else {
            rest = "";
            break;
        };
        rest = tag[end..].trim_start_matches("--").strip_prefix('>').unwrap_or(&tag[end..]);
        text.push(' ');
    }
    text += rest;
    excerpt(&text.split_whitespace().collect::<Vec<_>>().join(" "), secrets)
}

/// The start of a field's value.
fn of_bytes(value: &[u8], secrets: &Secrets) -> String {
    excerpt(&String::from_utf8_lossy(value), secrets)
}

/// The start of a text that another party wrote, on one line. Secrets are removed first: a cut could leave a part of one.
pub(super) fn excerpt(words: &str, secrets: &Secrets) -> String {
    one_line(&secrets.hide(words)).chars().take(EXCERPT).collect()
}

const EXCERPT: usize = 200;

/// `Retry-After` (RFC 9110 section 10.2.3) as a time from now; a date that has passed is now.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value| retry_after(&headers(&[(RETRY_AFTER, value)]), now);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Sun, 06 Nov 1994 08:40:37 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_refusal_says_what_the_server_answered_and_repeats_no_token() {
        let words = |status, pairs: &[_], body| {
            let body = Bytes::from_static(body);
            let refused = Refused { status, reason: String::new(), headers: headers(pairs), body };
            refusal(&refused, &Secrets::default())
        };
        assert_eq!(words(StatusCode::FORBIDDEN, &[], b""), "the server answered 403 Forbidden, not an upgrade");
        assert_eq!(
            words(StatusCode::FORBIDDEN, &[(http::header::CONTENT_TYPE, "text/plain")], b"no\r\nguests\n"),
            "the server answered 403 Forbidden, not an upgrade: no guests"
        );
        assert_eq!(
            words(StatusCode::OK, &[(CONTENT_TYPE, "text/html")], b"<html>"),
            "the server answered 200 OK, not an upgrade"
        );
        let page =
            b"<html><head><title>400 Bad Request</title><style>p { color: red }</style></head>\r\n<body><!-- <p> -->\
                     <h1>The plain HTTP request was sent to HTTPS port</h1></body></html>";
        assert_eq!(
            words(StatusCode::BAD_REQUEST, &[(CONTENT_TYPE, "text/html; charset=utf-8"), (SERVER, "nginx")], page),
            "the server answered 400 Bad Request, not an upgrade (server: nginx): 400 Bad Request The plain HTTP request \
             was sent to HTTPS port"
        );
        assert_eq!(
            words(StatusCode::BAD_REQUEST, &[], b"Client sent an HTTP request to an HTTPS server.\n"),
            "the server answered 400 Bad Request, not an upgrade: Client sent an HTTP request to an HTTPS server."
        );
        assert_eq!(words(StatusCode::BAD_REQUEST, &[], b"\xff"), "the server answered 400 Bad Request, not an upgrade");
        assert_eq!(
            words(StatusCode::OK, &[(CONTENT_LENGTH, "0")], b""),
            "the server answered 200 OK, not an upgrade, with an empty body"
        );
        for (status, pairs, end) in [
            (
                StatusCode::UPGRADE_REQUIRED,
                &[(SEC_WEBSOCKET_VERSION, "8, 7")][..],
                "not an upgrade; it speaks version 8, 7 of the WebSocket protocol, and 13 was asked for",
            ),
            (
                StatusCode::BAD_REQUEST,
                &[(SEC_WEBSOCKET_VERSION, "8")],
                "not an upgrade; it speaks version 8 of the WebSocket protocol, and 13 was asked for",
            ),
            (
                StatusCode::UPGRADE_REQUIRED,
                &[(SEC_WEBSOCKET_VERSION, "13, 8"), (UPGRADE, "websocket")],
                "not an upgrade; it has not seen that one was asked for, or speaks another version than 13",
            ),
            (StatusCode::UPGRADE_REQUIRED, &[(UPGRADE, "TLS/1.2")], "not an upgrade; it wants an upgrade to TLS/1.2"),
            (
                StatusCode::FORBIDDEN,
                &[(HeaderName::from_static("x-squid-error"), "ERR_ACCESS_DENIED 0")],
                "not an upgrade (x-squid-error: ERR_ACCESS_DENIED 0)",
            ),
        ] {
            let words = words(status, pairs, b"");
            assert!(words.ends_with(end), "{words}");
        }
        let refused = Refused {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: "Unable to connect".into(),
            headers: headers(&[(VIA, "1.1 tinyproxy")]),
            body: Bytes::new(),
        };
        assert_eq!(
            refusal(&refused, &Secrets::default()),
            "the server answered 500 Unable to connect, not an upgrade (via: 1.1 tinyproxy)"
        );
        assert_eq!(
            words(StatusCode::FOUND, &[(LOCATION, "https://ana:p@example.org/login?token=t")], b""),
            "the server answered 302 Found, not an upgrade (it redirects to https://example.org/login, which is not \
             followed)"
        );
    }

    #[test]
    fn an_error_within_an_io_error_is_found() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let error = io::Error::new(ErrorKind::InvalidData, io::Error::other(inner.clone()));
        assert_eq!(find::<rustls::Error>(&error), Some(&inner));
    }
}
