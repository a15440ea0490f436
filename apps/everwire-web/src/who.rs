//! The present user, the same in all tabs of the browser.
//!
//! A sign-in or a sign-out in one tab holds for all. Nothing is stored for a user who is not present any more.

use crate::storage::{self, WHO};

/// Makes this user the present one.
pub(crate) fn enter(user_id: &str) {
    storage::keep(WHO, user_id);
}

/// Signs the present user out, and removes the stored messages.
pub(crate) fn leave() {
    storage::keep(WHO, "");
    storage::forget_user();
}

/// The id of the present user.
pub(crate) fn now() -> Option<String> {
    storage::kept(WHO)
}

/// Whether this user is the present one, so that values may be stored for them.
pub(crate) fn is_here(user_id: &str) -> bool {
    now().as_deref() == Some(user_id)
}
