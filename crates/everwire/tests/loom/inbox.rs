#[path = "../../src/inbox/bounds.rs"]
pub(crate) mod bounds;
#[path = "../../src/inbox/mailbox.rs"]
pub(crate) mod mailbox;
