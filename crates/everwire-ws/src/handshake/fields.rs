//! Header fields that hold lists of tokens (RFC 9110 section 5.6).

use http::header::{AsHeaderName, HeaderMap};

/// All values of a list field, over all its lines, trimmed; empty elements are skipped. `None` for a line that is not
/// visible ASCII.
pub(super) fn list(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Option<&str>> {
    headers.get_all(name).iter().flat_map(|line| {
        let line = line.to_str().ok();
        let bad = line.is_none().then_some(None);
        let elements = line.unwrap_or("").split(',').map(str::trim).filter(|element| !element.is_empty());
        bad.into_iter().chain(elements.map(Some))
    })
}

/// All lines of a list field as one, but for those that are not visible ASCII.
pub(super) fn joined(headers: &HeaderMap, name: impl AsHeaderName) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    lines.join(", ")
}

/// Whether a list field contains `token`, in any case.
pub(super) fn contains(headers: &HeaderMap, name: impl AsHeaderName, token: &str) -> bool {
    list(headers, name).flatten().any(|element| element.eq_ignore_ascii_case(token))
}

/// Whether the text is a token (RFC 9110 section 5.6.2), as a subprotocol's name must be.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::CONNECTION;

    #[test]
    fn a_list_spans_lines_and_ignores_case_spaces_and_empty_elements() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static(" keep-alive ,, "));
        headers.append(CONNECTION, HeaderValue::from_static("UPGRADE"));
        assert_eq!(list(&headers, CONNECTION).collect::<Vec<_>>(), [Some("keep-alive"), Some("UPGRADE")]);
        assert!(contains(&headers, CONNECTION, "upgrade"));
        assert!(!contains(&headers, CONNECTION, "grade"));
    }

    #[test]
    fn tokens_have_no_separators() {
        for good in ["chat", "everwire.v1", "a_b-c!", "v10.stomp"] {
            assert!(is_token(good), "{good}");
        }
        for bad in ["", "a b", "a,b", "a/b", "a;b", "ä", "a\r\nb", "\"a\"", "a\0"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
