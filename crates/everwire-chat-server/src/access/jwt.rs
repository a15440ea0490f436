//! JSON web tokens (RFC 7519, 7515, 8037): signing our own, judging those of others. Pure: time is an argument.
//!
//! The algorithm is the key's, never the token's choice: a header that names another is refused before anything is
//! computed, and so is `none`.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use serde::{Deserialize, Deserializer, Serialize};

/// No token is longer.
const LONGEST: usize = 8 << 10;

/// How far the clocks of issuers may be from ours, in seconds.
pub(super) const LEEWAY: i64 = 60;

/// What a token says. Times in seconds since the Unix epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    pub(super) sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<Audience>,
    #[serde(deserialize_with = "numeric_date")]
    pub(super) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_numeric_date")]
    pub(super) nbf: Option<i64>,
    /// Ours alone: the account's generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<i64>,
    /// Ours alone: which sign-in it came of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    /// Ours alone: with which refresh token it was given, by what is stored of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<String>,
    /// Ours alone, on several nodes: how much was known to the one that gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<u64>,
}

/// One or several.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A key that signatures are checked by.
pub(super) enum Key {
    /// HS256, ours alone.
    Own(hmac::Key),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// A key, and what an issuer calls it.
#[derive(Debug)]
pub(super) struct NamedKey {
    pub(super) id: Option<String>,
    pub(super) key: Key,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Algorithm,
    UnknownKey,
    Signature,
    Expired,
    NotYet,
    Issuer,
    Audience,
    User,
    SignedOut,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// Seconds since the Unix epoch, which may have a fraction (RFC 7519 section 2): it is left out.
fn numeric_date<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let with_fraction = || {
        let seconds = Duration::try_from_secs_f64(number.as_f64()?).ok()?.as_secs();
        i64::try_from(seconds).ok()
    };
    number.as_i64().or_else(with_fraction).ok_or_else(|| serde::de::Error::custom("no time"))
}

fn some_numeric_date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    numeric_date(from).map(Some)
}

/// A token of ours.
pub(super) fn sign(claims: &Claims, key: &hmac::Key) -> String {
    // Neither can fail: they are maps of text and numbers.
    let part = |json: serde_json::Result<Vec<u8>>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
    let header = Header { alg: "HS256".to_owned(), kid: None, crit: None };
    let signed = format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(claims)));
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// What a token says, if one of these keys has signed it and it is valid `now` (in seconds), give or take `leeway`.
pub(super) fn verify(token: &str, keys: &[NamedKey], now: i64, leeway: i64) -> Result<Claims, Refused> {
    if token.len() > LONGEST {
        return Err(Refused::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
    let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| Refused::Malformed)?;
    if header.crit.is_some() {
        return Err(Refused::Malformed);
    }
    let signature = bytes(signature)?;
    let mut refused =
        if keys.iter().any(|key| key.key.algorithm() == header.alg) { Refused::UnknownKey } else { Refused::Algorithm };
    for NamedKey { id, key } in keys.iter().filter(|key| key.key.algorithm() == header.alg) {
        if let (Some(wanted), Some(id)) = (&header.kid, id)
            && wanted != id
        {
            continue;
        }
        if key.has_signed(signed.as_bytes(), &signature) {
            let claims: Claims = serde_json::from_slice(&bytes(payload)?).map_err(|_| Refused::Malformed)?;
            return claims.at(now, leeway);
        }
        refused = Refused::Signature;
    }
    Err(refused)
}

impl Claims {
    fn at(self, now: i64, leeway: i64) -> Result<Self, Refused> {
        if now >= self.exp.saturating_add(leeway) {
            return Err(Refused::Expired);
        }
        if self.nbf.is_some_and(|nbf| now < nbf.saturating_sub(leeway)) {
            return Err(Refused::NotYet);
        }
        Ok(self)
    }

    /// Whether the token is from this issuer and for this audience.
    pub(super) fn of(self, issuer: &str, audience: &str) -> Result<Self, Refused> {
        if self.iss.as_deref() != Some(issuer) {
            return Err(Refused::Issuer);
        }
        let meant = match &self.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
            None => false,
        };
        if meant { Ok(self) } else { Err(Refused::Audience) }
    }
}

impl Key {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Own(_) => "HS256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa { .. } => "RS256",
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Own(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Ed25519(key) => {
                signature::UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok()
            }
            Self::Rsa { n, e } => signature::RsaPublicKeyComponents { n, e }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the token is not a JSON web token",
            Self::Algorithm => "the token is signed by an algorithm that is not accepted here",
            Self::UnknownKey => "the token is signed by a key that is not known here",
            Self::Signature => "the token's signature is wrong",
            Self::Expired => "the token has expired: come back with a fresh one",
            Self::NotYet => "the token is not valid yet: compare the clocks",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
            Self::User => "the token's user has no account here, or its id breaks a limit",
            Self::SignedOut => "the token's sign-in is over: sign in again",
        })
    }
}
