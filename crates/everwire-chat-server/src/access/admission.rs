/// What a connection was admitted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Admission {
    pub(super) user_id: String,
    pub(super) room: String,
    /// Of the account.
    pub(super) generation: Option<i64>,
    /// Which sign-in the token came of, and with which refresh token it was given.
    pub(super) sign_in: Option<(String, Vec<u8>)>,
    /// How much was known to the server that gave the token.
    pub(super) as_of: Option<u64>,
    /// When the token expires, as far as it is accepted: seconds by the clock of tokens.
    pub(super) until: i64,
}

impl Admission {
    pub(crate) fn room(&self) -> &str {
        &self.room
    }

    /// Whether it came of this sign-in.
    pub(super) fn is_of(&self, family: &str) -> bool {
        self.sign_in.as_ref().is_some_and(|(of, _)| of == family)
    }

    /// Whether it was given with one of these refresh tokens.
    pub(crate) fn is_among(&self, grants: &[Vec<u8>]) -> bool {
        self.sign_in.as_ref().is_some_and(|(_, grant)| grants.contains(grant))
    }
}
