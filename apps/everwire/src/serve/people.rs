//! `everwire user` and `everwire room`: accounts, bans and rooms. A running server applies a change within two seconds.

use std::error::Error;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

use everwire_chat_server::{Account, AccountError, Accounts, ClosedRoom, ClusterSettings, StoreOpenError};

use crate::args::{ClusterArgs, RoomCommand, UserCommand};
use crate::exit::{Exit, Failure};
use crate::term::complain;

pub(crate) fn user(data: &Path, cluster: ClusterArgs, what: UserCommand) -> Result<Exit, Failure> {
    let mut accounts = match (open_cluster(cluster)?, &what) {
        (Some(accounts), _) => accounts,
        // Accounts may be added before the server's first start, so the folder may be new.
        (None, UserCommand::Add { .. }) => Accounts::open(data).map_err(cant_open)?,
        (None, UserCommand::Ban { .. }) => open_obeyed(data)?,
        (
            None,
            UserCommand::Passwd { .. } | UserCommand::Remove { .. } | UserCommand::Unban { .. } | UserCommand::List,
        ) => Accounts::open_existing(data).map_err(cant_open)?,
    };
    match what {
        UserCommand::Add { user, name } => {
            let name = name.unwrap_or_else(|| user.clone());
            let password = new_password(&user)?;
            accounts.add(&user, &name, &password).map_err(|error| failure(&user, &error))?;
            complain(&format!("{user} may sign in"));
        }
        UserCommand::Passwd { user } => {
            let password = new_password(&user)?;
            accounts.set_password(&user, &password).map_err(|error| failure(&user, &error))?;
            complain(&format!("{user} has a new password and must sign in again"));
        }
        UserCommand::Remove { user } => {
            accounts.remove(&user).map_err(|error| failure(&user, &error))?;
            complain(&format!("{user} has no account any more"));
        }
        UserCommand::Ban { user } => {
            let changed = accounts.ban(&user).map_err(|error| failure(&user, &error))?;
            complain(&format!("{user} {}", if changed { "is banned" } else { "was banned before" }));
        }
        UserCommand::Unban { user } => {
            let changed = accounts.unban(&user).map_err(|error| failure(&user, &error))?;
            complain(&format!("{user} {}", if changed { "may come in again" } else { "was not banned" }));
        }
        UserCommand::List => {
            for Account { user_id, user_name, is_banned, .. } in accounts.list().map_err(|error| failure("", &error))? {
                let name = user_name.as_deref().unwrap_or("(no account)");
                let (id, name) = (shown(&user_id), shown(name));
                println!("{id}\t{name}{}", if is_banned { "\tbanned" } else { "" });
            }
        }
    }
    Ok(Exit::Done)
}

pub(crate) fn room(data: &Path, cluster: ClusterArgs, what: RoomCommand) -> Result<Exit, Failure> {
    let mut accounts = match (open_cluster(cluster)?, &what) {
        (Some(accounts), _) => accounts,
        (None, RoomCommand::Close { .. } | RoomCommand::Admit { .. } | RoomCommand::Dismiss { .. }) => {
            open_obeyed(data)?
        }
        (
            None,
            RoomCommand::Open { .. }
            | RoomCommand::Publish { .. }
            | RoomCommand::Unpublish { .. }
            | RoomCommand::List { .. },
        ) => Accounts::open_existing(data).map_err(cant_open)?,
    };
    let like = match &what {
        RoomCommand::Close { room, .. }
        | RoomCommand::Open { room }
        | RoomCommand::Admit { room, .. }
        | RoomCommand::Dismiss { room, .. }
        | RoomCommand::Publish { room }
        | RoomCommand::Unpublish { room } => accounts.room_like(room).map_err(|error| failure(room, &error))?,
        RoomCommand::List { .. } => None,
    };
    let done = match what {
        RoomCommand::Close { room, members } => {
            // Before the room is closed, so that no member is disconnected.
            for user in &members {
                accounts.admit(&room, user).map_err(|error| failure(user, &error))?;
            }
            let changed = accounts.close_room(&room).map_err(|error| failure(&room, &error))?;
            format!("{room} {}", if changed { "is for its members only" } else { "was closed before" })
        }
        RoomCommand::Open { room } => {
            let changed = accounts.open_room(&room).map_err(|error| failure(&room, &error))?;
            format!("{room} {}", if changed { "is open to all" } else { "was open before" })
        }
        RoomCommand::Admit { room, user } => {
            let changed = accounts.admit(&room, &user).map_err(|error| failure(&user, &error))?;
            format!("{user} {} of {room}", if changed { "is a member" } else { "was a member before" })
        }
        RoomCommand::Dismiss { room, user } => {
            let changed = accounts.dismiss(&room, &user).map_err(|error| failure(&user, &error))?;
            format!("{user} {} of {room}", if changed { "is not a member" } else { "was not a member" })
        }
        RoomCommand::Publish { room } => {
            let changed = accounts.publish_room(&room).map_err(|error| failure(&room, &error))?;
            format!("{room} {}", if changed { "is listed" } else { "was listed before" })
        }
        RoomCommand::Unpublish { room } => {
            let changed = accounts.unpublish_room(&room).map_err(|error| failure(&room, &error))?;
            format!("{room} {}", if changed { "is not listed any more" } else { "was not listed" })
        }
        RoomCommand::List { published: true } => {
            let rooms = accounts.published_rooms().map_err(|error| failure("", &error))?;
            rooms.iter().for_each(|room| println!("{}", shown(room)));
            return Ok(Exit::Done);
        }
        RoomCommand::List { published: false } => {
            for ClosedRoom { room, members, .. } in accounts.closed_rooms().map_err(|error| failure("", &error))? {
                println!("{}\t{}", shown(&room), members.iter().map(|id| shown(id)).collect::<Vec<_>>().join(" "));
            }
            return Ok(Exit::Done);
        }
    };
    complain(&done);
    if let Some(other) = like {
        complain(&format!("{} is another room, and stays as it was", shown(&other)));
    }
    Ok(Exit::Done)
}

/// The accounts of a cluster, if its NATS servers are named.
fn open_cluster(cluster: ClusterArgs) -> Result<Option<Accounts>, Failure> {
    let ClusterArgs { cluster: Some(servers), cluster_credentials, cluster_ca } = cluster else { return Ok(None) };
    let mut settings = ClusterSettings::new(servers);
    settings.credentials = cluster_credentials;
    settings.ca = cluster_ca;
    let opened = Accounts::open_cluster(&settings);
    opened.map(Some).map_err(|error| super::not_a_node(&error))
}

/// Opens the accounts for a change that is to keep a user out. The folder must exist, because a mistyped one would be
/// ineffective, and its server must authenticate users.
fn open_obeyed(data: &Path) -> Result<Accounts, Failure> {
    let accounts = Accounts::open_existing(data).map_err(cant_open)?;
    if accounts.are_obeyed().map_err(|error| failure("", &error))? {
        return Ok(accounts);
    }
    Err(Failure::new(
        Exit::Failed,
        "the server of this folder does not authenticate users, so this would have no effect: start it with --auth accounts or \
         --auth tokens first",
    ))
}

fn cant_open(error: StoreOpenError) -> Failure {
    super::unusable(&error)
}

/// A name that another user has chosen, with its control characters escaped.
fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Reads a password: from the terminal, twice and without showing it, else from the first line of stdin.
fn new_password(user: &str) -> Result<String, Failure> {
    let unread = |error| Failure::new(Exit::Failed, format!("the password can't be read: {error}"));
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(unread)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password(format!("New password of {user}: ")).map_err(unread)?;
    let second = rpassword::prompt_password("The same again: ").map_err(unread)?;
    if first == second { Ok(first) } else { Err(Failure::usage("the two passwords differ".to_owned())) }
}

fn failure(what: &str, error: &AccountError) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let what = if what.is_empty() { String::new() } else { format!("{what}: ") };
    Failure::new(Exit::Failed, format!("{what}{error}{cause}"))
}
