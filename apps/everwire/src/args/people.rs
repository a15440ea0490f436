//! Options of `everwire user` and `everwire room`.

use clap::Subcommand;

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account; the password is asked for, or is the first line of stdin
    #[command(after_help = "\
Examples:
  everwire user add ana --name 'Ana Lima'
  echo 'correct horse battery' | everwire user add ana")]
    Add {
        /// Name that the user signs in with
        user: String,

        /// Name that others see [default: the same]
        #[arg(short, long)]
        name: Option<String>,
    },
    /// Change a password; the user has to sign in again
    #[command(after_help = "\
Examples:
  everwire user passwd ana")]
    Passwd {
        /// Name that the user signs in with
        user: String,
    },
    /// Remove an account; the user's messages stay
    #[command(after_help = "\
Examples:
  everwire user remove ana")]
    Remove {
        /// Name that the user signs in with
        user: String,
    },
    /// Ban a user and disconnect them
    #[command(after_help = "\
Examples:
  everwire user ban mallory")]
    Ban {
        /// Id of the user, with or without an account
        user: String,
    },
    /// Lift the ban of a user
    #[command(after_help = "\
Examples:
  everwire user unban mallory")]
    Unban {
        /// Id of the user, with or without an account
        user: String,
    },
    /// List all accounts and bans: id, name, and 'banned'
    #[command(after_help = "\
Examples:
  everwire user list --data /var/lib/everwire")]
    List,
}

/// What to do with a room.
#[derive(Debug, Subcommand)]
pub(crate) enum RoomCommand {
    /// Close a room to everyone except its members
    #[command(after_help = "\
Examples:
  everwire room close board ana ben")]
    Close {
        /// Name of the room
        room: String,

        /// Ids of users to add to the room's members
        members: Vec<String>,
    },
    /// Open a room to everyone
    #[command(after_help = "\
Examples:
  everwire room open board")]
    Open {
        /// Name of the room
        room: String,
    },
    /// Make a user a member of a room
    #[command(after_help = "\
Examples:
  everwire room admit board cleo")]
    Admit {
        /// Name of the room
        room: String,

        /// Id of the user
        user: String,
    },
    /// Remove a user from the members of a room
    #[command(after_help = "\
Examples:
  everwire room dismiss board cleo")]
    Dismiss {
        /// Name of the room
        room: String,

        /// Id of the user
        user: String,
    },
    /// List a room for everyone who may enter it; a closed room is listed for its members only
    #[command(after_help = "\
Examples:
  everwire room publish garden")]
    Publish {
        /// Name of the room
        room: String,
    },
    /// Stop listing a room; users who know its name may still enter it
    #[command(after_help = "\
Examples:
  everwire room unpublish garden")]
    Unpublish {
        /// Name of the room
        room: String,
    },
    /// Print the closed rooms with their members
    #[command(after_help = "\
Examples:
  everwire room list
  everwire room list --published")]
    List {
        /// Print the published rooms instead
        #[arg(long)]
        published: bool,
    },
}
