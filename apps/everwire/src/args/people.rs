//! Options of `everwire user` and `everwire room`.

use clap::Subcommand;

/// What is to become of an account.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account; the password is asked for, or is the first line of stdin
    Add {
        /// What the user signs in with
        user: String,

        /// What others see [default: the same]
        #[arg(short, long)]
        name: Option<String>,
    },
    /// Change a password; the user has to sign in again
    Passwd {
        /// The account's user
        user: String,
    },
    /// Remove an account; what the user has written stays
    Remove {
        /// The account's user
        user: String,
    },
    /// Send a user away, who may not come in again
    Ban {
        /// With or without an account
        user: String,
    },
    /// Let a user in again
    Unban {
        /// With or without an account
        user: String,
    },
    /// Show all accounts and bans: id, name, and 'banned'
    List,
}

/// What is to become of a room.
#[derive(Debug, Subcommand)]
pub(crate) enum RoomCommand {
    /// Close a room to all but its members
    Close {
        /// The room
        room: String,

        /// Its members, by the ids they sign in with, besides those that it has
        members: Vec<String>,
    },
    /// Open a room to all
    Open {
        /// The room
        room: String,
    },
    /// Make a user a member of a room
    Admit {
        /// The room
        room: String,

        /// The id that the user signs in with
        user: String,
    },
    /// End a membership
    Dismiss {
        /// The room
        room: String,

        /// The id that the user signs in with
        user: String,
    },
    /// List a room for all who may come in; closed rooms are listed for their members only
    Publish {
        /// The room
        room: String,
    },
    /// List a room no longer; whoever knows its name may still come in
    Unpublish {
        /// The room
        room: String,
    },
    /// Show the closed rooms with their members
    List {
        /// Show the published rooms instead
        #[arg(long)]
        published: bool,
    },
}
