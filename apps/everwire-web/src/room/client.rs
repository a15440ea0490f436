//! Builds a room's client.

use std::error::Error;

use everwire::Message;
use everwire::store::{Store, WebStore};
use everwire_chat::{ChatClient, ChatError, FailedMessage, Memory, User};
use send_wrapper::SendWrapper;

use crate::account::{Account, Auth, Said};
use crate::browser;
use crate::storage::{self, DRAFT, MEMORY, OUTBOX};

/// The messages in an outbox.
pub(crate) type Waiting = Vec<Message>;

/// The most messages of a room that the page keeps in memory.
const WINDOW: usize = 20_000;

/// Builds a client with the messages of the last visit, and an outbox that outlives the page; returns whether it has that
/// outbox.
pub(super) fn client(
    name: &str,
    user: &User,
    account: Option<Account>,
    failed: Vec<FailedMessage>,
) -> Result<(ChatClient, bool), ChatError> {
    let mut builder = ChatClient::builder(browser::chat_url(), &user.user_name)
        .user_id(&user.user_id)
        .room(name)
        .window(WINDOW)
        .failed(failed)
        .look_first(|| SendWrapper::new(look()));
    if let Some(memory) = storage::kept(&memory_key(name, user)).and_then(|json| Memory::from_json(&json)) {
        builder = builder.memory(memory);
    }
    if let Some(account) = account {
        builder = builder.token(move |refused| {
            if refused {
                account.outdate();
            }
            SendWrapper::new(account.clone().token())
        });
    }
    let outbox = browser::tab().map(|tab| {
        let outbox = outbox_key(&tab, name, user);
        storage::rename(&format!("{OUTBOX}{tab}.{}.{name}", user.user_id), &outbox);
        browser::here(&outbox)
    });
    // With an outbox that can't be read the client could not be built.
    let outbox = outbox.filter(|outbox| WebStore::open(outbox).load().is_ok());
    let is_kept = outbox.is_some();
    if let Some(outbox) = outbox {
        builder = builder.connection(|connection| connection.store(WebStore::open(outbox)));
    }
    Ok((builder.build()?, is_kept))
}

/// Checks whether the server is up, by a request that no browser delays. Answers of a proxy or of a network's login page do not
/// count. The error is empty.
async fn look() -> Result<(), Box<dyn Error + Send + Sync>> {
    Auth::ask().await.map(drop).ok_or_else(|| Said::default().into())
}

fn outbox_key(tab: &str, room: &str, user: &User) -> String {
    format!("{OUTBOX}{tab}.{}{room}", owner(user))
}

/// The tab and the room of an outbox, if it is this user's.
pub(crate) fn outbox_of<'a>(key: &'a str, user: &User) -> Option<(&'a str, &'a str)> {
    let (tab, rest) = key.strip_prefix(OUTBOX)?.split_once('.')?;
    Some((tab, rest.strip_prefix(&owner(user))?))
}

pub(super) fn memory_key(room: &str, user: &User) -> String {
    format!("{MEMORY}{}{room}", owner(user))
}

pub(super) fn draft_key(room: &str, user: &User) -> String {
    let draft = format!("{DRAFT}{}{room}", owner(user));
    storage::rename(&format!("{DRAFT}{room}"), &draft);
    draft
}

/// The user's id and a character that ends it: a dot, or for an id with a dot a line break, which no room's name has.
pub(super) fn owner(user: &User) -> String {
    let end = if user.user_id.contains('.') { '\n' } else { '.' };
    format!("{}{end}", user.user_id)
}
