//! The chat's page: files made beforehand, answered as they are.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;

use crate::page_file::PageFile;
use crate::state::AppState;

/// Nothing foreign, nothing written into the page; WebAssembly, and the connection to this very host.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");

/// `/`.
pub(crate) async fn start(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    match find(&state, "index.html") {
        Some(file) => answer(file, &headers),
        None => Html(include_str!("start.html")).into_response(),
    }
}

/// Any other file.
pub(crate) async fn file(State(state): State<Arc<AppState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&state, &name) {
        Some(file) => answer(file, &headers),
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

fn find<'a>(state: &'a AppState, name: &str) -> Option<&'a PageFile> {
    state.config.page.iter().find(|file| file.name == name)
}

fn answer(file: &PageFile, asked: &HeaderMap) -> Response {
    let (encoding, body) = match asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) {
        Some(accepted) if accepts(accepted, "br") => (Some("br"), file.brotli),
        Some(accepted) if accepts(accepted, "gzip") => (Some("gzip"), file.gzip),
        _ => (None, file.plain),
    };
    let tag = format!("\"{}-{}\"", file.version, encoding.unwrap_or("plain"));
    let known = asked.get_all(IF_NONE_MATCH).iter().any(|known| known.to_str().is_ok_and(|known| matches(known, &tag)));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
    set(CONTENT_TYPE, HeaderValue::from_static(media_type(file.name)));
    set(CACHE_CONTROL, if file.immutable { FOR_EVER } else { ASK_FIRST });
    set(VARY, HeaderValue::from_static("accept-encoding"));
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set(ETAG, tag);
    }
    if file.name == "index.html"
        && let Ok(version) = HeaderValue::from_str(file.version)
    {
        // By this the page's worker tells us from another program on the same address.
        set(HeaderName::from_static("everwire-page"), version);
    }
    if let Some(encoding) = encoding {
        set(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether an `If-None-Match` names this tag, by weak comparison (RFC 9110 sections 8.8.3.2 and 13.1.2): a proxy that
/// compresses a response itself makes its tag weak. None of our tags has a comma.
fn matches(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Whether an `Accept-Encoding` (RFC 9110 section 12.5.3) names this coding, and not to refuse it.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        named && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{accepts, matches};

    #[test]
    fn a_tag_is_known_in_a_list_and_weak_too() {
        let tag = "\"1-br\"";
        for known in ["\"1-br\"", "W/\"1-br\"", "\"0-br\", W/\"1-br\"", "*"] {
            assert!(matches(known, tag), "{known}");
        }
        for other in ["\"1-gzip\"", "W/\"11-br\"", "", "1-br"] {
            assert!(!matches(other, tag), "{other}");
        }
    }

    #[test]
    fn a_coding_is_used_only_if_it_is_accepted() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("BR;q=0.5", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("brotli", "br"));
        assert!(!accepts("", "gzip"));
    }
}
