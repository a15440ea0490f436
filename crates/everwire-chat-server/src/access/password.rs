//! Passwords: argon2id with the parameters that its authors recommend for servers (19 MiB, 2 passes).

use std::sync::LazyLock;

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};

/// A shorter password is refused.
pub(super) const SHORTEST: usize = 8;

/// A longer one too: hashing it would be work for nothing.
pub(super) const LONGEST: usize = 1024;

/// The hash as a PHC string, with a salt of its own. Takes some 20 ms.
pub(super) fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash: PasswordHash| hash.to_string())
}

/// Whether a password is that of a hash. Where there is none it takes as long, and says no.
pub(super) fn verify(password: &str, hash: Option<&str>) -> bool {
    static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| self::hash("nobody has this password"));
    let known = hash.is_some();
    let Some(hash) = hash.or(NOBODY.as_deref()) else { return false };
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known
}

#[cfg(test)]
mod tests {
    use super::{hash, verify};

    #[test]
    fn only_the_password_itself_is_let_in_and_nobody_has_none() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert_ne!(Some(stored.clone()), hash("correct horse"), "each has its own salt");
        assert!(verify("correct horse", Some(&stored)) && !verify("battery staple", Some(&stored)));
        assert!(!verify("nobody has this password", None));
        assert!(!verify("correct horse", Some("no hash")));
    }
}
