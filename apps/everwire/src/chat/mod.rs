//! `everwire chat`: a chat in the terminal, or in a pipe.
//!
//! - [`session`]: everything that happens, until it ends
//! - [`ending`]: the flush, the farewell, and the exit code
//! - [`input`]: where lines come from
//! - [`own`]: our own lines and where they stand
//! - [`lines`]: what is shown, without I/O
//! - [`command`]: what a typed line asks for
//! - [`signal`]: when others are told that we type

mod command;
mod ending;
mod input;
mod lines;
mod own;
mod session;
mod signal;

use std::error::Error;
use std::time::Duration;

use everwire_chat::{ChatClient, ChatError};

use crate::address;
use crate::args::{ChatArgs, ColorArg};
use crate::exit::{Exit, Failure};
use crate::term::{Console, Stop};

/// How long leaving on Ctrl-C may take at most.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: ChatArgs, color: ColorArg) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/ws").map_err(Failure::usage)?;
    let chat = client(&args, &address.url)?;
    let stop = Stop::listen(PATIENCE.min(args.close_timeout));
    let prompt = format!("{}> ", lines::short_name(&args.name));
    let console = if args.listen { Console::plain() } else { Console::open(&prompt) };
    let look = console.look(color);
    session::Session::start(args, chat, console, look, stop).run(&address).await
}

fn client(args: &ChatArgs, url: &str) -> Result<ChatClient, Failure> {
    let (url, room) = address::take_parameter(url, "room");
    let mut builder = ChatClient::builder(url, args.name.trim());
    if let Some(room) = args.room.as_deref().or(room.as_deref()) {
        builder = builder.room(room.trim());
    }
    if let Some(id) = &args.user {
        builder = builder.user_id(id);
    }
    let connection = args.connection.clone();
    builder.connection(move |builder| connection.apply(builder)).build().map_err(|error| failure(&error))
}

fn failure(error: &ChatError) -> Failure {
    let line = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    Failure::usage(line)
}
