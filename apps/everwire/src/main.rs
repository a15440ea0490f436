//! The `everwire` binary: a chat server, a chat in the terminal, and tools for any WebSocket.
//!
//! - [`args`]: the command line, with its help
//! - [`connect`], [`chat`], [`serve`], [`doctor`], [`proxy`], [`echo`], [`call`]: one command each
//! - [`address`], [`token`], [`describe`], [`logs`]: shared by the commands
//! - [`term`]: the terminal and the standard streams
//! - [`exit`]: how a command ends

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod address;
mod args;
mod call;
mod chat;
mod connect;
mod describe;
mod doctor;
mod echo;
mod exit;
mod logs;
mod proxy;
mod serve;
mod term;
mod token;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};

use crate::args::{Cli, ClusterCommand, Command, ConfigCommand};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    // Prints help, version and usage errors; 2 is its exit code for the latter.
    let cli = Cli::try_parse().unwrap_or_else(|error| with_variable(without_secrets(error)).exit());
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(Failure { exit, line }) => {
            term::complain(&line);
            exit.into()
        }
    }
}

/// Removes the value of an invalid `--header` from an error, because it may hold a token; what is wrong with it stays.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let of_header = |value: &ContextValue| matches!(value, ContextValue::String(name) if name.starts_with("--header"));
    if error.get(ContextKind::InvalidArg).is_some_and(of_header) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
    }
    error
}

/// Names the environment variable in an error about a value that was not typed.
fn with_variable(mut error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (Some(option), Some(value)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else {
        return error;
    };
    let is_typed = std::env::args().skip(1).any(|word| word.ends_with(&value));
    let name = option.trim_start_matches('-').split(' ').next().unwrap_or_default();
    if !is_typed && let Some(variable) = variable(&Cli::command(), name) {
        let tip = format!("it is the value of {variable} in the environment").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The environment variable of an option of any command, if it is set.
fn variable(command: &clap::Command, option: &str) -> Option<String> {
    let mut options = command.get_arguments().filter(|argument| argument.get_long() == Some(option));
    let own = options.find_map(|argument| argument.get_env()).filter(|variable| std::env::var_os(variable).is_some());
    own.map(|variable| variable.display().to_string())
        .or_else(|| command.get_subcommands().find_map(|below| variable(below, option)))
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    // Only the server obeys RUST_LOG: logs that it asks of every program would spoil a chat's screen.
    let default = match cli.command {
        Command::Serve(_) => std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty()),
        _ => Some("off".to_owned()),
    };
    // Clients of a server or a proxy must not wait until its log is read.
    let mode = match cli.command {
        Command::Serve(_) | Command::Proxy(_) | Command::Echo(_) => logs::WriteMode::Background,
        _ => logs::WriteMode::Direct,
    };
    let _logging = logs::start(&cli.log, default.as_deref().unwrap_or("info"), cli.color, mode)?;
    match cli.command {
        Command::Completions { shell } => completions(shell),
        Command::Connect(args) => block_on(connect::run(args, cli.color)),
        Command::Call(args) => block_on(call::run(args)),
        Command::Chat(args) => block_on(chat::run(args, cli.color)),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Config { what: ConfigCommand::Check { file } } => serve::check(&file),
        Command::User { what, data, cluster } => serve::user(&data.data, cluster, what),
        Command::Room { what, data, cluster } => serve::room(&data.data, cluster, what),
        Command::Cluster { what: ClusterCommand::Renew(args) } => block_on(serve::renew(args)),
        Command::Backup { data, cluster, file } => serve::backup(&data.data, &cluster, &file),
        Command::Restore { data, cluster, file } => serve::restore(&data.data, &cluster, &file),
        Command::Export { data, room } => serve::export(&data.data, room.as_deref()),
        Command::Doctor(args) => block_on(doctor::run(args, cli.color)),
        Command::Echo(args) => block_on(echo::run(args)),
        Command::Proxy(args) => block_on(proxy::run(args, cli.color)),
    }
}

fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let refused = |error: std::io::Error| {
        let advice = if cfg!(unix) { "; if too many files are open, raise the limit (ulimit -n)" } else { "" };
        Failure::new(Exit::Failed, format!("the runtime can't be started: {error}{advice}"))
    };
    #[cfg(unix)]
    check_descriptors().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(refused)?;
    let result = runtime.block_on(command);
    // A thread that still waits for a line of stdin must not delay the end.
    runtime.shutdown_background();
    result
}

/// Checks that the runtime can open the file descriptors that it needs: without them tokio panics when it sets up signals, and
/// the system's resolver reports that a name is unknown.
#[cfg(unix)]
fn check_descriptors() -> std::io::Result<()> {
    let pairs: std::io::Result<Vec<_>> = (0..4).map(|_| std::os::unix::net::UnixStream::pair()).collect();
    pairs.map(drop)
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "everwire", &mut script);
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(&script).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("output can't be written: {error}")))
        }
        _ => Ok(Exit::Done),
    }
}
