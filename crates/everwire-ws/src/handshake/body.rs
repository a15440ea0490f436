//! The start of a refusal's body.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};

use super::fields;

/// What is kept of a body.
const MAX_BODY: usize = 4 << 10;

/// The body's start out of what follows the head in `input`; `None` while a `Content-Length` promises more of it.
pub(super) fn start(status: StatusCode, headers: &HeaderMap, input: &[u8], end_of_stream: bool) -> Option<Bytes> {
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Some(Bytes::new());
    }
    if fields::contains(headers, TRANSFER_ENCODING, "chunked") {
        return Some(dechunked(input));
    }
    let promised = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let wanted = promised.map_or(MAX_BODY, |length| usize::try_from(length).unwrap_or(usize::MAX).min(MAX_BODY));
    if promised.is_some() && input.len() < wanted && !end_of_stream {
        return None;
    }
    Some(Bytes::copy_from_slice(&input[..input.len().min(wanted)]))
}

/// The content of the chunks that have arrived.
fn dechunked(mut input: &[u8]) -> Bytes {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(input) {
        let chunk = &input[line..];
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let room = MAX_BODY - body.len();
        body.extend_from_slice(&chunk[..size.min(chunk.len()).min(room)]);
        match chunk.get(size..).and_then(|rest| rest.strip_prefix(b"\r\n")) {
            Some(rest) if size > 0 && body.len() < MAX_BODY => input = rest,
            _ => break,
        }
    }
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    const STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

    #[test]
    fn a_promised_body_is_waited_for_but_not_beyond_the_streams_end() {
        let promised = headers(CONTENT_LENGTH, "6");
        assert_eq!(start(STATUS, &promised, b"abc", false), None);
        assert_eq!(start(STATUS, &promised, b"abc", true).unwrap(), "abc");
        assert_eq!(start(STATUS, &promised, b"abcdefgh", false).unwrap(), "abcdef");
        let huge = headers(CONTENT_LENGTH, "99999999999999999999999");
        assert_eq!(start(STATUS, &huge, b"abc", false).unwrap(), "abc");
        let large = headers(CONTENT_LENGTH, "100000");
        assert_eq!(start(STATUS, &large, &[b'x'; 5000], false).unwrap().len(), MAX_BODY);
    }

    #[test]
    fn a_body_of_unknown_length_is_what_has_arrived() {
        assert_eq!(start(STATUS, &HeaderMap::new(), b"abc", false).unwrap(), "abc");
        assert_eq!(start(StatusCode::NO_CONTENT, &HeaderMap::new(), b"abc", false).unwrap(), "");
    }

    #[test]
    fn chunks_are_put_together_as_far_as_they_have_arrived() {
        let chunked = headers(TRANSFER_ENCODING, "chunked");
        let body = |input: &[u8]| start(STATUS, &chunked, input, false).unwrap();
        assert_eq!(body(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), "abcde");
        assert_eq!(body(b"5\r\nabc"), "abc");
        assert_eq!(body(b"zzz"), "");
        assert_eq!(body(b"ffffffffffffffff\r\nabc"), "abc");
        let many = [&b"1000\r\n"[..], &[b'x'; 0x1000], b"\r\n3\r\nabc\r\n"].concat();
        assert_eq!(body(&many).len(), MAX_BODY);
    }
}
