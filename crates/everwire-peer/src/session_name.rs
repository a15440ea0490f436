/// The name of a session, for watermarks.
#[derive(Clone, Debug)]
pub struct SessionName {
    /// The session's id.
    pub id: String,
    /// The principal to whom it belongs.
    pub principal: String,
}
