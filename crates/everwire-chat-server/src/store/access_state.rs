//! Who may come in, as the nodes of a cluster tell each other: each record says all that is known of one user, room or sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    User(String),
    Room(String),
    /// By its family.
    SignIn(String),
    /// The key that tokens are signed with.
    Key,
}

/// All that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccessState {
    User {
        id: String,
        account: Option<AccountState>,
        /// Since when.
        banned: Option<i64>,
        /// The closed rooms that the user is a member of, in order.
        rooms: Vec<String>,
    },
    Room {
        name: String,
        is_closed: bool,
        is_published: bool,
    },
    SignIn {
        family: String,
        /// In the order of their hashes.
        tokens: Vec<TokenState>,
    },
    Key {
        key: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountState {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) generation: i64,
    pub(crate) created: i64,
}

/// A record where it stands among those of who may come in.
#[derive(Clone, Debug)]
pub(crate) struct AccessEntry {
    /// What it is about, as the stream names it.
    pub(crate) place: String,
    pub(crate) sequence: u64,
    /// `None`: it can't be read.
    pub(crate) state: Option<AccessState>,
}

/// A refresh token, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenState {
    #[serde(serialize_with = "encoded", deserialize_with = "decoded")]
    pub(crate) hash: Vec<u8>,
    pub(crate) user: String,
    pub(crate) expires: i64,
    pub(crate) used: i64,
    pub(crate) generation: i64,
    #[serde(default, serialize_with = "encoded_option", deserialize_with = "decoded_option")]
    pub(crate) parent: Option<Vec<u8>>,
    pub(crate) void: i64,
}

/// Tokens of a sign-in that are remembered though they are worth nothing. One that is older and comes again is refused, as a stolen one
/// is, but does not end the sign-in.
const MOST_VOID: usize = 16;

impl AccessState {
    /// Without what is too old to be told.
    pub(crate) fn pruned(mut self) -> Self {
        if let Self::SignIn { tokens, .. } = &mut self {
            let mut void: Vec<(i64, Vec<u8>)> =
                tokens.iter().filter(|token| token.void > 0).map(|token| (token.expires, token.hash.clone())).collect();
            void.sort();
            let surplus = void.len().saturating_sub(MOST_VOID);
            let gone: Vec<Vec<u8>> = void.into_iter().take(surplus).map(|(_, hash)| hash).collect();
            tokens.retain(|token| !gone.contains(&token.hash));
        }
        self
    }

    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::User { id, .. } => Subject::User(id.clone()),
            Self::Room { name, .. } => Subject::Room(name.clone()),
            Self::SignIn { family, .. } => Subject::SignIn(family.clone()),
            Self::Key { .. } => Subject::Key,
        }
    }
}

fn encoded<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
}

fn decoded<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)
}

#[allow(clippy::ref_option)] // serde's signature
fn encoded_option<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).serialize(to)
}

fn decoded_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| URL_SAFE_NO_PAD.decode(text)).transpose().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8, void: i64) -> TokenState {
        let (hash, parent) = (vec![n; 4], n.checked_sub(1).map(|n| vec![n; 4]));
        TokenState { hash, user: "ana".into(), expires: i64::from(n), used: 0, generation: 7, parent, void }
    }

    #[test]
    fn a_sign_in_that_goes_on_for_long_stays_small() {
        let tokens = (0..100).map(|n| token(n, i64::from(n < 98))).collect();
        let pruned = AccessState::SignIn { family: "f".into(), tokens }.pruned();
        let text = serde_json::to_string(&pruned).unwrap();
        assert!(text.len() < 4096, "{}", text.len());
        assert_eq!(serde_json::from_str::<AccessState>(&text).unwrap(), pruned);
        let AccessState::SignIn { tokens, .. } = pruned else { panic!() };
        let left: Vec<u8> = tokens.iter().map(|token| token.hash[0]).collect();
        assert_eq!(left, (82..100).collect::<Vec<_>>(), "the latest void ones, and those that are good");
    }
}
