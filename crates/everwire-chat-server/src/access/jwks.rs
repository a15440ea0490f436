//! An issuer's keys (RFC 7517, 7518, 8037). Pure, but for reading the file.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::jwt::{Key, NamedKey};
use crate::stamp::Stamp;

/// The reason why an issuer's keys can't be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeysError {
    /// The file can't be read.
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no set of keys.
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// None of its keys is one that signatures are checked by here.
    NoKey {
        /// The file.
        file: PathBuf,
    },
}

/// The keys of a file, as they were at a time.
#[derive(Debug)]
pub(super) struct KeyFile {
    file: PathBuf,
    changed: Option<Stamp>,
    pub(super) keys: Vec<NamedKey>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The parts of a key that matter here; others have others.
#[derive(Deserialize)]
struct Listed {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeyFile {
    pub(super) fn read(file: &Path) -> Result<Self, KeysError> {
        let failed = |source| KeysError::File { file: file.to_owned(), source };
        let changed = Stamp::of(file);
        let text = std::fs::read(file).map_err(failed)?;
        let keys = parse(&text).map_err(|source| KeysError::Malformed { file: file.to_owned(), source })?;
        if keys.is_empty() {
            return Err(KeysError::NoKey { file: file.to_owned() });
        }
        Ok(Self { file: file.to_owned(), changed, keys })
    }

    /// The file as it is now, if it is another than before. Blocks on the disk.
    pub(super) fn reread(&self) -> Option<Result<Self, KeysError>> {
        let changed = Stamp::of(&self.file);
        (changed.is_some() && changed != self.changed).then(|| Self::read(&self.file))
    }
}

impl KeyFile {
    /// What the file is now can't be used: it is looked at again when it changes.
    pub(super) fn note_failure(&mut self) {
        self.changed = Stamp::of(&self.file);
    }
}

fn parse(text: &[u8]) -> serde_json::Result<Vec<NamedKey>> {
    let set: Set = serde_json::from_slice(text)?;
    // A set may hold keys for other purposes (RFC 7517 section 5): they are passed over.
    let usable = set.keys.into_iter().filter_map(|key| usable(serde_json::from_value(key).ok()?));
    Ok(usable.collect())
}

fn usable(listed: Listed) -> Option<NamedKey> {
    let Listed { kty, kid, alg, usage, crv, x, n, e } = listed;
    if usage.is_some_and(|usage| usage != "sig") {
        return None;
    }
    let bytes = |part: Option<String>| URL_SAFE_NO_PAD.decode(part?).ok();
    let (algorithms, key): (&[&str], _) = match (kty.as_str(), crv.as_deref()) {
        ("OKP", Some("Ed25519")) => (&["EdDSA", "Ed25519"], Key::Ed25519(bytes(x)?)),
        ("RSA", _) => (&["RS256"], Key::Rsa { n: bytes(n)?, e: bytes(e)? }),
        _ => return None,
    };
    let fits = alg.is_none_or(|alg| algorithms.contains(&alg.as_str()));
    fits.then_some(NamedKey { id: kid, key })
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, .. } => write!(f, "the issuer's keys {} can't be read", file.display()),
            Self::Malformed { file, .. } => write!(f, "the issuer's keys {} are no JWKS file", file.display()),
            Self::NoKey { file } => {
                write!(f, "{} has no key to check signatures by: Ed25519 and RSA (RS256) are known", file.display())
            }
        }
    }
}

impl std::error::Error for KeysError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Malformed { source, .. } => Some(source),
            Self::NoKey { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_that_can_not_be_used_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        std::fs::write(&file, r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#).unwrap();
        let mut keys = super::KeyFile::read(&file).unwrap();
        assert!(keys.reread().is_none());
        std::fs::write(&file, "half a set").unwrap();
        assert!(keys.reread().unwrap().is_err());
        keys.note_failure();
        assert!(keys.reread().is_none());
    }

    #[test]
    fn keys_for_other_purposes_are_passed_over() {
        let set = r#"{"keys":[
            {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"OKP","crv":"X25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"RSA","alg":"RS512","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","alg":"RS256","n":"AQAB","e":"AQAB"},
            {"kty":"oct","k":"c2VjcmV0"},
            17
        ]}"#;
        let keys = parse(set.as_bytes()).unwrap();
        assert_eq!(
            format!("{keys:?}"),
            r#"[NamedKey { id: Some("a"), key: EdDSA }, NamedKey { id: None, key: RS256 }]"#
        );
        assert!(parse(b"{}").is_err() && parse(b"no json").is_err());
    }
}
