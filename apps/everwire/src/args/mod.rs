//! The command line: what may be written, with its help. No behaviour.

mod call;
mod chat;
mod cluster;
mod connect;
mod connection;
mod doctor;
mod echo;
mod names;
mod network;
mod people;
mod protocol;
mod proxy;
mod serve;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use call::CallArgs;
pub(crate) use chat::{BellArg, ChatArgs, ThemeArg};
pub(crate) use cluster::{ClusterCommand, RenewedCluster};
pub(crate) use connect::ConnectArgs;
pub(crate) use connection::{ConnectionArgs, TokenArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use echo::EchoArgs;
pub(crate) use names::{in_options, with_options};
pub(crate) use network::{Network, NetworkArgs};
pub(crate) use people::{RoomCommand, UserCommand};
pub(crate) use protocol::ProtocolArgs;
pub(crate) use proxy::ProxyArgs;
pub(crate) use serve::{AuthArg, MetricsArg, ServeArgs, ServeSettings};
pub(crate) use values::{GuaranteeArg, OverflowArg, Resolved};

/// The part of the long help that the commands share.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
    0  done, and every message is known to have arrived
    1  failed on this side: input, output, a file, a port
    2  the command line makes no sense
    3  gave up: the limit on attempts or on elapsed time was reached, no connection was ever made, or what answers is
       no WebSocket, or shows a certificate that is not accepted
    4  refused for good: trying again can't help
    5  something was left unsent, nothing proves that it arrived, or fewer messages came than were asked for
  130  interrupted twice (143: terminated twice); once means leaving in order"
    };
}
pub(crate) use exit_codes;

/// WebSocket connections that hold: a chat, its server, and a resilient command line for any WebSocket.
#[derive(Debug, Parser)]
#[command(
    name = "everwire",
    version,
    propagate_version = true,
    args_override_self = true,
    disable_help_subcommand = true
)]
#[command(after_help = "\
Examples:
  everwire serve
  everwire chat localhost:8080 --name ana
  everwire connect wss://example.org/feed
  everwire doctor wss://example.org/feed

`everwire COMMAND --help` explains each command with more examples.")]
#[command(after_long_help = concat!("\
Examples:
  everwire serve
  everwire chat localhost:8080 --name ana
  everwire connect wss://example.org/feed
  everwire doctor wss://example.org/feed

", exit_codes!(), "

`everwire COMMAND --help` explains each command with more examples."))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours; a non-empty NO_COLOR means never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: ColorArg,

    #[command(flatten)]
    pub(crate) log: LogArgs,
}

// Most are described where their options are.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Chat(ChatArgs),
    Connect(ConnectArgs),
    Call(CallArgs),
    Doctor(DoctorArgs),
    Echo(EchoArgs),
    Proxy(ProxyArgs),
    /// Look at a file of settings for `everwire serve`
    #[command(after_help = "\
Examples:
  everwire config check chat.toml")]
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Say who has an account, and who is banned
    ///
    /// For servers with '--auth accounts'; bans also hold with '--auth tokens'. A running server notices within two seconds
    /// and sends away who may not stay.
    #[command(after_help = "\
Examples:
  everwire user add ana --name 'Ana Lima'
  everwire user ban mallory
  everwire user list")]
    User {
        #[command(subcommand)]
        what: UserCommand,

        #[command(flatten)]
        data: DataArg,

        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Say which rooms are for their members only
    #[command(after_help = "\
Examples:
  everwire room close board ana ben
  everwire room admit board cleo
  everwire room open board")]
    Room {
        #[command(subcommand)]
        what: RoomCommand,

        #[command(flatten)]
        data: DataArg,

        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Look after the cluster of several `everwire serve`
    #[command(after_help = "\
Examples:
  everwire cluster renew --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222")]
    Cluster {
        #[command(subcommand)]
        what: ClusterCommand,
    },
    /// Write the chat's history to stdout, a JSON object per line
    ///
    /// Each line has 'room', 'offset', 'id', 'userId', 'userName', 'text', 'timestamp' (the sender's clock) and 'storedAt'
    /// (the server's), times in milliseconds since the Unix epoch. The server may go on meanwhile.
    #[command(after_help = "\
Examples:
  everwire export > history.jsonl
  everwire export --data /var/lib/everwire --room lobby | jq -r .text")]
    Export {
        #[command(flatten)]
        data: DataArg,

        /// One room only
        #[arg(short, long)]
        room: Option<String>,
    },
    /// Copy the history, with accounts and bans, to a new file
    ///
    /// The server may go on meanwhile. The copy is checked, and only its owner may read it: passwords' hashes and keys are in
    /// it too.
    #[command(after_help = "\
Examples:
  everwire backup chat-2026-11-30.backup
  everwire backup --data /var/lib/everwire /backups/chat.backup")]
    Backup {
        #[command(flatten)]
        data: DataArg,

        /// The file to be written; it must not exist
        file: PathBuf,
    },
    /// Put a copy of the history in the place of what there is
    ///
    /// The server has to be stopped. The copy is checked first; what was there before is kept beside it. Clients load the
    /// history anew, and users sign in again.
    #[command(after_help = "\
Examples:
  everwire restore chat-2026-11-30.backup
  everwire restore --data /var/lib/everwire /backups/chat.backup")]
    Restore {
        #[command(flatten)]
        data: DataArg,

        /// The copy: from `everwire backup`, from SQLite's own backup, or of a stopped server's file
        file: PathBuf,
    },
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  everwire completions bash > ~/.local/share/bash-completion/completions/everwire
  everwire completions zsh  > ~/.zfunc/_everwire
  everwire completions fish > ~/.config/fish/completions/everwire.fish")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DataArg {
    /// Where the server keeps what it must remember
    #[arg(short, long, value_name = "DIR", env = "EVERWIRE_DATA", default_value = "everwire-data", global = true)]
    pub(crate) data: PathBuf,
}

/// The NATS servers of a cluster, instead of a data folder.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The NATS servers of a cluster: its accounts and rooms, from any machine; may be given several times
    #[arg(
        long,
        value_name = "URL",
        env = "EVERWIRE_CLUSTER",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub(crate) cluster: Option<Vec<String>>,

    /// The NATS user's credentials (.creds)
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS", global = true)]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// The certificates that those of the NATS servers lead to (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA", global = true)]
    pub(crate) cluster_ca: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong with a file, or what a server would make of it
    #[command(after_help = "\
Examples:
  everwire config check chat.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct LogArgs {
    /// What to log to stderr: a level, or per part like 'info,everwire=debug' [default: for serve RUST_LOG or info, else
    /// nothing]
    #[arg(long, global = true, value_name = "FILTER", env = "EVERWIRE_LOG", hide_env_values = true)]
    pub(crate) log: Option<String>,

    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_on_running_a_server_has_every_setting() {
        let page = include_str!("../../../../docs/serve.md");
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for argument in serve.get_arguments() {
            let (Some(name), Some(variable)) = (argument.get_long(), argument.get_env()) else { continue };
            assert!(page.contains(&format!("`--{name}`")) || page.contains(&format!("--{name} ")), "--{name}");
            assert!(page.contains(&format!("`{}`", variable.display())), "{variable:?}");
        }
    }

    #[test]
    fn every_command_has_examples_and_every_option_help() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let examples = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
            assert!(examples.is_some_and(|text| text.contains("Examples:")), "{name} has no examples");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {} has no help", argument.get_id());
            }
        }
    }
}
