//! Options of `everwire chat`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use everwire_i18n::Language;

use super::{ConnectionArgs, NetworkArgs, TokenArgs, exit_codes, values};

/// Join a chat from the terminal.
///
/// On a terminal it uses the whole screen: the connection's state, the messages, and below them the line that you
/// write; Enter sends it. Your messages carry a mark: '◷' while on the way, '✓' once the server has stored it, '✓✓'
/// when another member has received it, '✔✔' when it was read, '✗' with the reason when it failed. F1 shows the keys
/// and commands. Ctrl-C or '/quit' leaves.
///
/// In a pipe each event is one line, and each line of stdin is sent; at the end of stdin everything is sent, and the
/// chat is left.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  Join the default room of a server that runs here:
    everwire chat localhost:8080 --name ana
  Join a room over TLS:
    everwire chat wss://chat.example.org --name ana --room garden
  Send one message; exit code 0 means that the server has stored it:
    echo 'build 1234 is green' | everwire chat localhost:8080 --name ci --room builds
  Keep unsent messages for the next start:
    everwire chat wss://chat.example.org --name ana --user ana --outbox ~/.everwire
  Sign in with an account:
    everwire chat wss://chat.example.org --user ana --sign-in
  Follow a room without sending:
    everwire chat localhost:8080 --name log --receive-only >> chat.log

", exit_codes!()))]
pub(crate) struct ChatArgs {
    /// Server address, like 'localhost:8080' or 'wss://chat.example.org'
    pub(crate) url: String,

    /// Name that others see [default: that of --user]
    #[arg(short, long, env = "EVERWIRE_NAME", hide_env_values = true, required_unless_present = "user")]
    pub(crate) name: Option<String>,

    /// Room to join [default: lobby]
    #[arg(short, long)]
    pub(crate) room: Option<String>,

    /// Id of the user, the same on all devices [default: a new one]
    #[arg(short, long, value_name = "ID")]
    pub(crate) user: Option<String>,

    /// Sign in as --user; the password is read from EVERWIRE_PASSWORD, or asked for. With --outbox the sign-in is
    /// kept until it expires
    #[arg(long, requires = "user", conflicts_with_all = ["bearer_file", "token_command"])]
    pub(crate) sign_in: bool,

    /// Keep unsent and recent messages in this folder; the next start shows and sends them [default: keep nothing]
    #[arg(short, long, value_name = "DIR", requires = "user")]
    pub(crate) outbox: Option<PathBuf>,

    /// Do not read stdin: only show what others send, until Ctrl-C
    #[arg(short = 'l', long, alias = "listen")]
    pub(crate) receive_only: bool,

    /// Language of the screen: 'en' or 'ru' [default: the system's]
    #[arg(long)]
    pub(crate) lang: Option<Language>,

    /// Colours for this background
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) theme: ThemeArg,

    /// What rings the terminal's bell while you are not looking
    #[arg(long, value_name = "WHAT", default_value = "mentions", value_enum)]
    pub(crate) bell: BellArg,

    /// Longest time for sending the rest at the end, including time without a connection
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = values::duration)]
    pub(crate) close_timeout: Duration,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// What the bell rings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BellArg {
    /// Nothing
    Never,
    /// Messages that mention you
    Mentions,
    /// Every message of others
    Lines,
}

/// On what background the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// Ask the terminal
    Auto,
    /// Light text on a dark background
    Dark,
    /// Dark text on a light background
    Light,
}
