/// The name of a session, for watermarks.
#[derive(Clone, Debug)]
pub struct SessionName {
    /// The session's id.
    pub id: String,
    /// Whom it belongs to.
    pub principal: String,
}
