use std::path::PathBuf;

/// The way users say who they are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// They just say it: whoever reaches the server is a guest.
    #[default]
    Guests,
    /// By accounts in the data folder: a password gives a token for 15 minutes, and a second one that gives the next.
    Accounts,
    /// By a JSON web token that somebody else has issued.
    Issuer(Issuer),
}

/// An issuer of tokens that are accepted.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its keys as a JWKS file (RFC 7517), Ed25519 or RSA; read again when it changes.
    pub keys: PathBuf,
    /// The value that the claim `iss` has to be.
    pub name: String,
    /// The value that the claim `aud` has to hold.
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
