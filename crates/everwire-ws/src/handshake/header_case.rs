/// The case in which the names of a request's headers are written. Names mean the same in any case (RFC 9110 section
/// 5.1); this is for servers that compare them with regard to case. Put it into the request's extensions.
///
/// Names that are not among these are written with a capital letter at the beginning of each word.
///
/// ```
/// use everwire_ws::handshake::{ClientHandshake, HeaderCase};
/// use http::Request;
///
/// let request = Request::get("ws://example.org/feed")
///     .header("X-MBX-APIKEY", "k")
///     .header("Authorization", "Bearer t")
///     .extension(HeaderCase::new(["X-MBX-APIKEY"]))
///     .body(())?;
/// let bytes = ClientHandshake::new(&request, &[], [7; 16])?.request_bytes();
/// let text = String::from_utf8_lossy(&bytes);
/// assert!(text.contains("\r\nX-MBX-APIKEY: k\r\nAuthorization: Bearer t\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderCase(Vec<String>);

impl HeaderCase {
    /// Names in the case in which to write them. If a name occurs several times, the first counts.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The name as it is to be written.
    pub(super) fn of(given: Option<&Self>, name: &str) -> String {
        let given = given.and_then(|given| given.0.iter().find(|given| given.eq_ignore_ascii_case(name)));
        given.cloned().unwrap_or_else(|| capitalised(name))
    }
}

fn capitalised(name: &str) -> String {
    let mut first = true;
    let letter = |letter: char| {
        let written = if first { letter.to_ascii_uppercase() } else { letter };
        first = letter == '-';
        written
    };
    name.chars().map(letter).collect()
}
