//! The room's client.

use everwire::store::{Store, WebStore};
use everwire_chat::{ChatClient, ChatError, Memory, User};
use send_wrapper::SendWrapper;

use crate::account::Account;
use crate::browser;

/// Messages that the page keeps.
const WINDOW: usize = 100_000;
/// How the names begin under which the last messages are kept.
pub(super) const MEMORY: &str = "everwire.memory.";

/// With what it knew at the last visit, and an outbox that outlives the page.
pub(super) fn client(name: &str, user: &User, account: Option<Account>) -> Result<ChatClient, ChatError> {
    let mut builder =
        ChatClient::builder(browser::chat_url(), &user.user_name).user_id(&user.user_id).room(name).window(WINDOW);
    if let Some(memory) = browser::kept(&memory_key(name, user)).and_then(|json| Memory::from_json(&json)) {
        builder = builder.memory(memory);
    }
    if let Some(account) = account {
        builder = builder.token(move |refused| SendWrapper::new(account.clone().token(refused)));
    }
    let outbox = browser::tab().map(|tab| format!("everwire.outbox.{tab}.{}.{name}", user.user_id));
    // One that can't be read is worse than none.
    if let Some(outbox) = outbox.filter(|outbox| WebStore::open(outbox).load().is_ok()) {
        builder = builder.connection(|connection| connection.store(WebStore::open(outbox)));
    }
    builder.build()
}

pub(super) fn memory_key(room: &str, user: &User) -> String {
    format!("{MEMORY}{}.{room}", user.user_id)
}

pub(super) fn draft_key(room: &str) -> String {
    format!("everwire.draft.{room}")
}
