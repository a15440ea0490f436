//! `everwire chat`: a chat on the terminal, or in a pipe.
//!
//! - [`screen`]: for people at a terminal
//! - [`pipe`]: for everything else
//! - [`command`]: what a written message asks for
//! - `sign_in`: exchanges a password for tokens, over `http`; `saved_sign_in`: keeps them for the next start
//! - `folder`: the folder of `--outbox`; `memory`: the last messages, for the next start
//! - `advice`: what to do after a refusal; `unsent`: counts the messages that are not sent when the user leaves
//! - [`language`]: the language and the colours

mod advice;
mod command;
mod folder;
mod http;
mod language;
mod memory;
mod names;
mod pipe;
mod saved_sign_in;
mod screen;
mod sign_in;
mod unsent;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use everwire::store::SqliteStore;
use everwire_chat::rooms::RoomList;
use everwire_chat::{ChatClient, ChatError};
use futures_util::FutureExt;

use crate::address;
use crate::args::{ChatArgs, ColorArg};
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::term::{self, FullScreen, Stop, printable_line};
use crate::token::{Problem, Source};
use advice::AuthMethod;
use folder::Folder;
use http::Server;
use names::{fitted, short_name};
use saved_sign_in::SavedSignIn;
use sign_in::SignIn;

/// The longest time for leaving after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);

/// The room that is joined if none is named.
const DEFAULT_ROOM: &str = "lobby";

pub(crate) async fn run(args: ChatArgs, color: ColorArg) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/ws").map_err(Failure::usage)?;
    let (url, room) = address::take_parameter(&address.url, "room");
    let room = args.room.as_deref().or(room.as_deref()).unwrap_or(DEFAULT_ROOM).trim().to_owned();
    let folder = match (&args.user, &args.outbox) {
        (Some(user), Some(root)) => Some(open_folder(root, &url, user)?),
        _ => None,
    };
    let credentials = match (&args.user, args.sign_in) {
        (Some(user), true) => {
            let server = Server::new(&url, args.network.read()?, args.connection.clone())?;
            let kept = folder.as_ref().map(|folder| {
                let kept = SavedSignIn::at(folder.sign_in(), server.base(), user);
                kept.adopt(folder.root());
                kept
            });
            Credentials::Password(SignIn::start(server, user, kept).await?)
        }
        (user, _) => match Source::of(&args.token) {
            // The server refuses a user id that is not the token's.
            Some(_) if user.is_none() => {
                return Err(Failure::usage(
                    "--bearer-file, --token-command: name the token's user, by --user".to_owned(),
                ));
            }
            Some(source) => Credentials::Token(source),
            None => Credentials::None,
        },
    };
    let stop = Stop::listen(PATIENCE.min(args.close_timeout));
    if !args.receive_only && is_for_people() {
        return on_screen(args, color, url, room, credentials, folder, stop).await;
    }
    let chat = client(&args, &url, &room, &credentials, folder.as_ref())?;
    let look = term::look(color, &io::stderr());
    let kept_in = folder.map(|folder| folder.path().to_owned());
    pipe::run(args, chat, look, stop, &address, kept_in).await
}

async fn on_screen(
    args: ChatArgs,
    color: ColorArg,
    url: String,
    room: String,
    credentials: Credentials,
    folder: Option<Folder>,
    stop: Stop,
) -> Result<Exit, Failure> {
    let colours = term::look(color, &io::stdout()).colours;
    let settings = screen::Settings {
        words: language::words(args.lang),
        // Queried before anything else reads from the terminal.
        theme: language::theme(args.theme, colours),
        room,
        close_timeout: args.close_timeout,
        auth: AuthMethod::of(&args),
        bell: args.bell,
        list: list_rooms(&args, &url, &credentials)?,
        kept_in: folder.clone(),
    };
    let open = || {
        FullScreen::open().map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the terminal can't be used as a screen: {error}; TERM=dumb shows plain lines"),
            )
        })
    };
    let join = move |room: &str| client(&args, &url, room, &credentials, folder.as_ref());
    screen::run(settings, Box::new(join), open, stop).await
}

/// A function that asks the server which rooms it lists, by the chat's network path and as its user.
fn list_rooms(args: &ChatArgs, url: &str, credentials: &Credentials) -> Result<screen::ListRooms, Failure> {
    let server = Server::of_chat(url, args.network.read()?, args.connection.clone())?;
    let credentials = credentials.clone();
    Ok(Arc::new(move || {
        let (server, credentials) = (server.clone(), credentials.clone());
        let listed = async move {
            let token = credentials.token().await?;
            let (status, body) = server.get("/api/rooms", token.as_deref()).await?;
            let listed = std::str::from_utf8(&body).ok().and_then(RoomList::from_json).filter(|_| status.is_success());
            listed.ok_or_else(|| format!("the server does not say which rooms there are: {status}").into())
        };
        async move { listed.await.map_err(|error: Problem| error.to_string()) }.boxed()
    }))
}

/// Opens the user's folder below `--outbox`, and adopts the files of an earlier version.
fn open_folder(root: &Path, url: &str, user: &str) -> Result<Folder, Failure> {
    let folder = Folder::open(root, url, user)?;
    let base = http::base(url).unwrap_or_default();
    for said in folder.adopt(SavedSignIn::owner_before(root).as_ref(), &base) {
        eprintln!("everwire: {}", printable_line(&said));
    }
    Ok(folder)
}

/// How the user authenticates, with what it takes.
#[derive(Clone)]
enum Credentials {
    /// As a guest.
    None,
    Password(SignIn),
    Token(Source),
}

impl Credentials {
    async fn token(&self) -> Result<Option<String>, Problem> {
        Ok(match self {
            Self::None => None,
            Self::Password(sign_in) => Some(sign_in.token(false).await?),
            Self::Token(source) => Some(String::from_utf8(source.token().await?)?),
        })
    }
}

fn is_for_people() -> bool {
    let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    capable && io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn client(
    args: &ChatArgs,
    url: &str,
    room: &str,
    credentials: &Credentials,
    folder: Option<&Folder>,
) -> Result<ChatClient, Failure> {
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
fn open_store(folder: &Folder, room: &str) -> Result<SqliteStore, Failure> {
    SqliteStore::open(folder.outbox(room))
        .map_err(|error| Failure::new(Exit::Failed, format!("{error} (--outbox DIR)")))
}

fn failure(error: &ChatError) -> Failure {
    match error {
        ChatError::Connection(error) => describe::build_failure(error),
        error => Failure::usage(error.to_string()),
    }
}
