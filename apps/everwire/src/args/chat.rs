//! Options of `everwire chat`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use everwire_i18n::Language;

use super::{ConnectionArgs, NetworkArgs, TokenArgs, exit_codes, values};

/// Join a chat from the terminal.
///
/// On a terminal it takes the whole screen: the connection's state above, the messages, and below them what you write; Enter
/// sends it. Your messages carry a mark: '◷' while on its way, '✓' once the server has it, '✓✓' when it was delivered to
/// another member, '✔✔' when it was read, '✗' with the reason when it failed. F1 tells which keys and commands there are.
/// Ctrl-C or '/quit' leaves.
///
/// In a pipe each event is one line, and each line of stdin is sent; at its end everything is flushed and the chat left.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  Join the default room of a server that runs here:
    everwire chat localhost:8080 --name ana
  Join a room over TLS:
    everwire chat wss://chat.example.org --name ana --room garden
  Say one thing; exit code 0 means that the server has it:
    echo 'build 1234 is green' | everwire chat localhost:8080 --name ci --room builds
  Write on a train: what can't be sent now is sent by the next start:
    everwire chat wss://chat.example.org --name ana --user ana --outbox ~/.everwire
  With an account, on a server that asks for one:
    everwire chat wss://chat.example.org --user ana --sign-in
  Follow a room without saying anything:
    everwire chat localhost:8080 --name log --listen >> chat.log

", exit_codes!()))]
pub(crate) struct ChatArgs {
    /// Where to: 'localhost:8080', 'wss://chat.example.org', …
    pub(crate) url: String,

    /// The name that others see [default: the one of --user]
    #[arg(short, long, env = "EVERWIRE_NAME", hide_env_values = true, required_unless_present = "user")]
    pub(crate) name: Option<String>,

    /// The room to join [default: lobby]
    #[arg(short, long)]
    pub(crate) room: Option<String>,

    /// Who you are, the same for all your devices [default: a new id]
    #[arg(short, long, value_name = "ID")]
    pub(crate) user: Option<String>,

    /// Sign in as --user; the password is EVERWIRE_PASSWORD or asked for. With --outbox, a sign-in lasts until it is over
    #[arg(long, requires = "user", conflicts_with_all = ["bearer_file", "token_command"])]
    pub(crate) sign_in: bool,

    /// Keep what waits to be sent and the last messages in this folder: the next start shows and sends them
    #[arg(short, long, value_name = "DIR", requires = "user")]
    pub(crate) outbox: Option<PathBuf>,

    /// Never read stdin; only show what others say, until Ctrl-C
    #[arg(short, long)]
    pub(crate) listen: bool,

    /// The language of the screen: 'en' or 'ru' [default: the system's]
    #[arg(long)]
    pub(crate) lang: Option<Language>,

    /// The colours that the screen's background wants
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) theme: ThemeArg,

    /// What the terminal's bell rings for while you don't look
    #[arg(long, value_name = "WHAT", default_value = "mentions", value_enum)]
    pub(crate) bell: BellArg,

    /// How long the flush at the end may take, lost connections included
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
    /// Lines that address you
    Mentions,
    /// Every line of others
    Lines,
}

/// On what background the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// Ask the terminal
    Auto,
    /// Light letters on a dark background
    Dark,
    /// Dark letters on a light background
    Light,
}
