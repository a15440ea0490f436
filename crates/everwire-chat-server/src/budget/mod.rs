//! What all members together may make the server hold.
//!
//! - `mailboxes`: bytes that wait in all mailboxes
//! - `pages`: pages of history on their way

mod mailboxes;
mod pages;

pub(crate) use mailboxes::MailboxBudget;
pub(crate) use pages::{PageBudget, PagePermit};
