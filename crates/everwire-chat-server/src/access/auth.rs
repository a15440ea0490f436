use std::path::PathBuf;

/// The way users say who they are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all: everyone who reaches the server is a guest and chooses an id and a name.
    #[default]
    Guests,
    /// By accounts in the data folder: a password gives a token for 15 minutes, and a refresh token for 30 days that gives
    /// the next ones.
    Accounts,
    /// By a JSON web token that another service has issued.
    Issuer(Issuer),
}

/// An issuer of tokens that are accepted.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its keys as a JWKS file (RFC 7517), Ed25519 or RSA; read again when it changes.
    pub keys: PathBuf,
    /// The required value of the claim `iss`.
    pub name: String,
    /// The value that the claim `aud` must contain.
    pub audience: String,
}

impl Auth {
    /// As `/api/info` tells it, and as the store remembers it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Guests => "none",
            Self::Accounts => "accounts",
            Self::Issuer(_) => "tokens",
        }
    }
}

/// What our own tokens are from, and for.
pub(super) const ISSUER: &str = "everwire";
