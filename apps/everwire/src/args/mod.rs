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
mod numbers;
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
    1  failed on this machine: input, output, a file, a port
    2  the command line is not valid
    3  gave up: --max-attempts or --max-elapsed was reached, no connection was ever made, the
       server does not speak WebSocket, or its certificate is not accepted
    4  refused for good: trying again can't help
    5  some messages were not sent or not proven to have arrived, or fewer came than --messages
       asks for
  130  interrupted twice (143: terminated twice); the first time it ends in order"
    };
}
pub(crate) use exit_codes;

/// Keep WebSocket connections through network failures: a command-line client, a chat with its server, and tools that
/// test and diagnose connections.
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

    /// When to print in colour; 'auto' obeys NO_COLOR and TERM
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
    /// Check a settings file for `everwire serve`
    #[command(after_help = "\
Examples:
  everwire config check chat.toml")]
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Manage the accounts and bans of a chat server
    ///
    /// Accounts need '--auth accounts'; bans work with '--auth tokens' too. A running server applies a change within
    /// two seconds, and disconnects users who may not stay.
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
    /// Manage which rooms are closed, and which are listed
    ///
    /// A closed room admits only its members; a published room is listed for clients. A running server applies a
    /// change within two seconds.
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
    /// Maintain the cluster that several `everwire serve` share
    #[command(after_help = "\
Examples:
  everwire cluster renew --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222")]
    Cluster {
        #[command(subcommand)]
        what: ClusterCommand,
    },
    /// Write the chat's history to stdout, one JSON object per line
    ///
    /// Each line has 'room', 'offset', 'id', 'userId', 'userName', 'text', 'timestamp' (the sender's clock) and
    /// 'storedAt' (the server's clock); times are milliseconds since the Unix epoch. The server may run meanwhile.
    #[command(after_help = "\
Examples:
  everwire export > history.jsonl
  everwire export --data /var/lib/everwire --room lobby | jq -r .text")]
    Export {
        #[command(flatten)]
        data: DataArg,

        /// Export only this room [default: all rooms]
        #[arg(short, long)]
        room: Option<String>,
    },
    /// Copy history, accounts and bans to a new file
    ///
    /// The server may run meanwhile. The copy is checked, and only its owner can read it, because it contains
    /// password hashes and keys.
    #[command(after_help = "\
Examples:
  everwire backup chat-2026-11-30.backup
  everwire backup --data /var/lib/everwire /backups/chat.backup")]
    Backup {
        #[command(flatten)]
        data: DataArg,

        #[command(flatten)]
        cluster: NoCluster,

        /// File to write; it must not exist
        file: PathBuf,
    },
    /// Replace history, accounts and bans by a backup
    ///
    /// Stop the server first. The backup is checked before anything changes, and the old database is kept beside the
    /// new one. Clients load the history again, and users sign in again.
    #[command(after_help = "\
Examples:
  everwire restore chat-2026-11-30.backup
  everwire restore --data /var/lib/everwire /backups/chat.backup")]
    Restore {
        #[command(flatten)]
        data: DataArg,

        #[command(flatten)]
        cluster: NoCluster,

        /// The backup: from `everwire backup`, from SQLite's own backup, or the database file of a stopped server
        file: PathBuf,
    },
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  everwire completions bash > ~/.local/share/bash-completion/completions/everwire
  everwire completions zsh  > ~/.zfunc/_everwire
  everwire completions fish > ~/.config/fish/completions/everwire.fish")]
    Completions {
        /// The shell that reads the script
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DataArg {
    /// The server's data folder: history, accounts, bans
    #[arg(short, long, value_name = "DIR", env = "EVERWIRE_DATA", default_value = "everwire-data", global = true)]
    pub(crate) data: PathBuf,
}

/// A hidden option of commands that do not work on a cluster; the error names the command to use instead.
#[derive(Debug, Args)]
pub(crate) struct NoCluster {
    /// NATS servers of a cluster: not possible here; the error names what to use instead
    #[arg(long, hide = true, value_name = "URL", value_delimiter = ',')]
    pub(crate) cluster: Vec<String>,
}

/// The NATS servers of a cluster, instead of a data folder.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Work on the accounts and rooms of a cluster, from any machine, instead of a data folder: its NATS servers,
    /// nats://HOST:4222 or tls://HOST:4222, separated by commas
    #[arg(
        long,
        value_name = "URL",
        env = "EVERWIRE_CLUSTER",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub(crate) cluster: Option<Vec<String>>,

    /// The NATS user's credentials file (.creds) [default: those in the addresses, if any]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS", global = true)]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// Root certificates of the NATS servers (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA", global = true)]
    pub(crate) cluster_ca: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report the errors of a file with their lines, or print the settings that it gives
    #[command(after_help = "\
Examples:
  everwire config check chat.toml")]
    Check {
        /// The settings file (TOML)
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// If the output is a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always, into a pipe or a file too
    Always,
    /// Never
    Never,
}

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct LogArgs {
    /// What to log to stderr: a level (error, warn, info, debug, trace), or one per part, like 'info,everwire=debug'
    /// [default: for serve RUST_LOG or info, else nothing]
    #[arg(long, global = true, value_name = "FILTER", env = "EVERWIRE_LOG", hide_env_values = true)]
    pub(crate) log: Option<String>,

    /// Format of the log lines
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Plain text
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

    /// All subcommands of a command, each with the words that call it.
    fn below<'a>(command: &'a clap::Command, names: &str) -> Vec<(String, &'a clap::Command)> {
        let children = command.get_subcommands().flat_map(|child| {
            let names = format!("{names} {}", child.get_name());
            let mut found = below(child, &names);
            found.push((names, child));
            found
        });
        children.collect()
    }

    #[test]
    fn every_command_has_an_example_of_its_own_and_every_option_help() {
        let command = Cli::command();
        for (names, command) in below(&command, "everwire") {
            let examples = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
            let is_shown = examples.is_some_and(|text| text.contains("Examples:") && text.contains(&names));
            assert!(is_shown, "`{names}` has no example");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "`{names}`: {} has no help", argument.get_id());
                for value in argument.get_possible_values() {
                    let is_shell = argument.get_id() == "shell" || argument.get_id() == "profile";
                    assert!(
                        is_shell || value.get_help().is_some() || is_bool(&value),
                        "`{names}`: {}",
                        value.get_name()
                    );
                }
            }
        }
    }

    #[test]
    fn the_error_about_an_invalid_value_has_no_programmer_s_jargon() {
        let command = Cli::command();
        for (names, below) in below(&command, "everwire") {
            for option in below.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                let Some(long) = option.get_long() else { continue };
                for value in ["x", "-1", "99999999999999999999"] {
                    let words = names.split(' ').map(str::to_owned).chain([format!("--{long}={value}")]);
                    let Err(error) = command.clone().try_get_matches_from(words) else { continue };
                    let error = error.to_string();
                    for jargon in ["digit found", "float literal", "target type", "..=", "syntax", "cannot parse"] {
                        assert!(!error.contains(jargon), "{error}");
                    }
                }
            }
        }
    }

    fn is_bool(value: &clap::builder::PossibleValue) -> bool {
        matches!(value.get_name(), "true" | "false")
    }

    #[test]
    fn an_option_that_can_be_left_out_has_a_default_in_its_help() {
        let command = Cli::command();
        let mut without = std::collections::BTreeSet::new();
        for (_, command) in below(&command, "everwire") {
            for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                let is_many = matches!(argument.get_action(), clap::ArgAction::Append);
                let is_shown = !argument.get_default_values().is_empty() || argument.is_required_set();
                let says_so = argument.get_help().is_some_and(|help| help.to_string().contains("[default:"));
                if !is_many && !is_shown && !says_so {
                    without.insert(argument.get_id().to_string());
                }
            }
        }
        assert_eq!(Vec::from_iter(without), WITHOUT_DEFAULT);
    }

    /// Options without a default: nothing happens unless they are given.
    const WITHOUT_DEFAULT: [&str; 16] = [
        "audience",
        "bearer_file",
        "cert",
        "check",
        "close_with",
        "config",
        "idle",
        "issuer",
        "issuer_keys",
        "messages",
        "profile",
        "seed",
        "text_ping",
        "to",
        "token_command",
        "url",
    ];

    /// The help is 100 columns wide; longer lines would be wrapped at any place.
    #[test]
    fn no_example_is_wrapped() {
        let command = Cli::command();
        for (names, command) in below(&command, "everwire") {
            let last = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
            for line in last.unwrap_or_default().lines() {
                assert!(line.chars().count() <= 100, "`{names}`: {line}");
            }
        }
    }

    #[test]
    fn help_is_written_in_plain_words() {
        let mut command = Cli::command();
        command.build();
        for (names, command) in below(&command, "everwire") {
            let help = command.clone().render_long_help().to_string().to_lowercase();
            for (private, plain) in [
                ("whoever", "everyone, a user"),
                ("somebody", "a user"),
                ("makes no sense", "is not valid"),
                ("by itself", "automatically"),
                ("anew", "again"),
                ("will have none of", "refuses"),
                ("what is to become of", "what happens to"),
                ("look after", "maintain"),
            ] {
                assert!(!help.contains(private), "`{names}`: \"{private}\": say \"{plain}\"");
            }
        }
    }
}
