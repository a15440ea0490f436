//! `everwire chat`: a chat on the terminal, or in a pipe.
//!
//! - [`screen`]: for people at a terminal
//! - [`pipe`]: for everything else
//! - [`command`]: what a written message asks for
//! - `sign_in`: a password for tokens; `kept`: which outlive the program
//! - `memory`: the last messages, for the next start
//! - [`language`]: which language, and which colours

mod command;
mod kept;
mod language;
mod memory;
mod names;
mod pipe;
mod screen;
mod sign_in;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use everwire::store::SqliteStore;
use everwire_chat::{ChatClient, ChatError};

use crate::address;
use crate::args::{ChatArgs, ColorArg};
use crate::exit::{Exit, Failure};
use crate::term::{self, FullScreen, Stop};
use crate::token::Source;
use names::short_name;
use sign_in::SignIn;

/// How long leaving on Ctrl-C may take at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// The room that is joined where none is named.
const DEFAULT_ROOM: &str = "lobby";

pub(crate) async fn run(args: ChatArgs, color: ColorArg) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/ws").map_err(Failure::usage)?;
    let (url, room) = address::take_parameter(&address.url, "room");
    let room = args.room.as_deref().or(room.as_deref()).unwrap_or(DEFAULT_ROOM).trim().to_owned();
    let credentials = match (&args.user, args.sign_in) {
        (Some(user), true) => {
            Credentials::Password(SignIn::start(&url, user, &args.network, args.outbox.as_deref()).await?)
        }
        _ => Source::of(&args.token).map_or(Credentials::None, Credentials::Token),
    };
    let stop = Stop::listen(PATIENCE.min(args.close_timeout));
    if !args.listen && is_for_people() {
        return on_screen(args, color, url, room, credentials, stop).await;
    }
    let chat = client(&args, &url, &room, &credentials)?;
    let look = term::look(color, &io::stderr());
    pipe::run(args, chat, look, stop, &address).await
}

async fn on_screen(
    args: ChatArgs,
    color: ColorArg,
    url: String,
    room: String,
    credentials: Credentials,
    stop: Stop,
) -> Result<Exit, Failure> {
    let colours = term::look(color, &io::stdout()).colours;
    let settings = screen::Settings {
        words: language::words(args.lang),
        // Asked of the terminal before anything else reads from it.
        theme: language::theme(args.theme, colours),
        room,
        close_timeout: args.close_timeout,
        kept_in: args.outbox.clone(),
    };
    let open = || {
        FullScreen::open().map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the terminal can't be used as a screen: {error}; TERM=dumb shows plain lines"),
            )
        })
    };
    screen::run(settings, Box::new(move |room| client(&args, &url, room, &credentials)), open, stop).await
}

/// How we say who we are.
#[derive(Clone)]
enum Credentials {
    /// We just say it.
    None,
    Password(SignIn),
    Token(Source),
}

fn is_for_people() -> bool {
    let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    capable && io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn client(args: &ChatArgs, url: &str, room: &str, credentials: &Credentials) -> Result<ChatClient, Failure> {
    let folder = args.outbox.as_deref();
    let store = folder.map(|folder| open_store(folder, room)).transpose()?;
    let memory = folder.and_then(|folder| memory::read(folder, room));
    let name = args.name.as_deref().or(args.user.as_deref()).unwrap_or_default().trim();
    let mut builder = ChatClient::builder(url, name).room(room);
    if let Some(id) = &args.user {
        builder = builder.user_id(id);
    }
    if let Some(memory) = memory {
        builder = builder.memory(memory);
    }
    match credentials.clone() {
        Credentials::None => {}
        Credentials::Password(sign_in) => {
            builder = builder.token(move |refused| {
                let sign_in = sign_in.clone();
                async move { sign_in.token(refused).await }
            });
        }
        Credentials::Token(source) => {
            builder = builder.token(move |_| {
                let source = source.clone();
                async move { Ok(String::from_utf8(source.token().await?)?) }
            });
        }
    }
    let connection = args.connection.clone();
    let network = args.network.read()?;
    let settings = move |builder| {
        let builder = network.apply(connection.apply(builder));
        match store {
            Some(store) => builder.store(store),
            None => builder,
        }
    };
    builder.connection(settings).build().map_err(|error| failure(&error))
}

/// A file for each room: two clients do not share one.
fn open_store(folder: &Path, room: &str) -> Result<SqliteStore, Failure> {
    let failed = |problem: String| Failure::new(Exit::Failed, format!("{problem} (--outbox DIR)"));
    std::fs::create_dir_all(folder)
        .map_err(|error| failed(format!("the folder {} can't be made: {error}", folder.display())))?;
    SqliteStore::open(room_file(folder, room, "outbox")).map_err(|error| failed(error.to_string()))
}

fn room_file(folder: &Path, room: &str, kind: &str) -> PathBuf {
    let name = percent_encoding::utf8_percent_encode(room, percent_encoding::NON_ALPHANUMERIC);
    folder.join(format!("{name}.{kind}"))
}

fn failure(error: &ChatError) -> Failure {
    let line = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    Failure::usage(line)
}
