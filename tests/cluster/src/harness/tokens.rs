//! An issuer of tokens.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::Done;

/// The value of the claims `iss` and `aud`.
pub(crate) const ISSUER: &str = "https://id.example.org";
pub(crate) const AUDIENCE: &str = "chat";

pub(crate) struct Issuer(Ed25519KeyPair);

impl Issuer {
    /// Makes an issuer with a new key, and writes the public key to a file.
    pub(crate) fn new(keys: &Path) -> Done<Self> {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .ok()
            .and_then(|key| Ed25519KeyPair::from_pkcs8(key.as_ref()).ok())
            .ok_or("no key can be made")?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]});
        std::fs::write(keys, set.to_string()).map_err(|error| format!("{}: {error}", keys.display()))?;
        Ok(Self(pair))
    }

    /// A token that is valid for an hour.
    pub(crate) fn token(&self, user: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "EdDSA", "kid": "1"}).to_string());
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "name": user, "exp": now + 3600});
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}
