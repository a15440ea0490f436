/// A new id for what the server says itself, or for what comes without one: a UUIDv7, as clients make them.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
