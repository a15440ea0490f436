//! Where on its host the chat is.

use std::fmt;
use std::str::FromStr;

/// What the server answers at the root of its host, whatever the chat's path.
const RESERVED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The path below which the chat is, for a host that has something else as well: none by default, else one like `/chat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// The reason why a path can't be a base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BasePathError {
    /// It does not begin with `/`.
    Relative,
    /// It has an empty part, or one that is `.` or `..`.
    Part,
    /// It has other characters than letters, digits, `-`, `.`, `_` and `~`.
    Character(char),
    /// The server itself answers there.
    Reserved,
}

impl BasePath {
    /// ASCII letters, digits, `-`, `.`, `_` and `~` between slashes, and perhaps one slash at the end. `/` is the root.
    ///
    /// # Errors
    /// If it is no such path.
    pub fn new(path: &str) -> Result<Self, BasePathError> {
        let parts = path.strip_prefix('/').ok_or(BasePathError::Relative)?;
        if parts.is_empty() {
            return Ok(Self::default());
        }
        let parts = parts.strip_suffix('/').unwrap_or(parts);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if let Some(odd) = parts.chars().find(|c| !is_plain(*c)) {
            return Err(BasePathError::Character(odd));
        }
        if parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BasePathError::Part);
        }
        let path = format!("/{parts}");
        if RESERVED.contains(&path.as_str()) { Err(BasePathError::Reserved) } else { Ok(Self(path)) }
    }

    /// Nothing at the root, else the path without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path on the host of what is at this path of the chat.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::new(path)
    }
}

impl std::error::Error for BasePathError {}

impl fmt::Display for BasePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative => f.write_str("the path does not begin with '/'")?,
            Self::Part => f.write_str("the path has an empty part, or one that is '.' or '..'")?,
            Self::Character(odd) => write!(f, "the path has {odd:?} in it")?,
            Self::Reserved => f.write_str("the server itself answers /healthz, /readyz and /metrics")?,
        }
        f.write_str("; write it like /chat, with letters, digits, '-', '.', '_' and '~'")
    }
}

#[cfg(test)]
mod tests {
    use super::{BasePath, BasePathError};

    #[test]
    fn a_base_path_has_plain_parts_only() {
        for (path, understood) in [("/", ""), ("/chat", "/chat"), ("/chat/", "/chat"), ("/a/B-1._~", "/a/B-1._~")] {
            assert_eq!(BasePath::new(path).unwrap().as_str(), understood, "{path}");
        }
        for (path, problem) in [
            ("", BasePathError::Relative),
            ("chat", BasePathError::Relative),
            ("https://a/chat", BasePathError::Relative),
            ("//", BasePathError::Part),
            ("/a//b", BasePathError::Part),
            ("/chat//", BasePathError::Part),
            ("/a/../b", BasePathError::Part),
            ("/.", BasePathError::Part),
            ("/a?b", BasePathError::Character('?')),
            ("/a%20b", BasePathError::Character('%')),
            ("/{file}", BasePathError::Character('{')),
            ("/metrics", BasePathError::Reserved),
        ] {
            assert_eq!(BasePath::new(path), Err(problem), "{path}");
            assert!(!problem.to_string().contains('\n'));
        }
    }
}
