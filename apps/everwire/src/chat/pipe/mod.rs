//! The chat in a pipe: each event is one line, and each line of stdin is sent.
//!
//! - [`session`]: everything that happens, until it ends
//! - [`end`]: why it ended; [`ending`]: the flush, the close, and the exit code
//! - [`input`]: reads the lines of stdin
//! - [`own`]: the user's own lines and their status
//! - [`lines`]: formats what is printed, without I/O

mod end;
mod ending;
mod input;
mod lines;
mod own;
mod session;

use std::path::PathBuf;

use everwire_chat::ChatClient;
use everwire_i18n::{Language, Words};

use crate::address::Address;
use crate::args::ChatArgs;
use crate::chat::unsent::Unsent;
use crate::exit::{Exit, Failure};
use crate::term::{Console, Look, Stop};

/// Joins the room, and stays until stdin ends or the chat does.
pub(super) async fn run(
    args: ChatArgs,
    chat: ChatClient,
    look: Look,
    stop: Stop,
    address: &Address,
    kept_in: Option<PathBuf>,
) -> Result<Exit, Failure> {
    let unsent = Unsent::default();
    unsent.watch(&chat);
    stop.say_at_last(unsent.last_word(Words::new(Language::English), kept_in));
    let running = session::Session::start(args, chat, Console::plain(), look, stop);
    let (running, end) = running.run(address).await;
    ending::end(running, end).await
}
