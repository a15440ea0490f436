//! Options of `everwire serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use everwire_chat_server::BasePath;
use serde::{Deserialize, Deserializer};

use super::{numbers, values};

/// Start a chat server.
///
/// It needs no settings: it listens on this machine only, and prints how to join. Ctrl-C ends it in order.
///
/// Each setting can also be given in a file (--config), under its option's name without the dashes, or in the
/// environment, as EVERWIRE_ and its name. The command line overrides the environment, and the environment overrides
/// the file.
#[derive(Clone, Debug, Default, Args)]
#[command(after_long_help = "\
Examples:
  Start a server, then join from two other terminals:
    everwire serve
    everwire chat localhost:8080 --name ana
    everwire chat localhost:8080 --name ben
  Listen on a port that the system chooses, and log as JSON:
    everwire serve --listen 127.0.0.1:0 --log debug --log-format json
  For a team, with accounts and TLS:
    everwire user add ana
    everwire serve --listen 0.0.0.0:443 --auth accounts --tls-cert chat.pem --tls-key chat.key
  Keep messages for 90 days; check a settings file before using it:
    everwire serve --keep-time 2160h
    everwire config check chat.toml && everwire serve --config chat.toml

Exit codes:
    0  ended by Ctrl-C or a termination signal
    1  could not start, for instance because the port is in use
    2  the command line is not valid
    5  did not end in order in time, and was ended
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct ServeArgs {
    /// Settings file (TOML)
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: ServeSettings,
}

/// The settings that can be given on the command line, in the environment and in a file.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServeSettings {
    /// Address and port to listen on; port 0 lets the system choose [default: 127.0.0.1:8080]
    #[arg(short, long, value_name = "ADDRESS:PORT", env = "EVERWIRE_LISTEN", value_parser = address)]
    #[serde(deserialize_with = "by_address")]
    pub(crate) listen: Option<SocketAddr>,

    /// Data folder: history, accounts, bans [default: everwire-data]
    #[arg(short, long, value_name = "DIR", env = "EVERWIRE_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Allow an address that other machines can reach without TLS or authentication [default: false]
    #[arg(long, value_name = "BOOL", env = "EVERWIRE_ALLOW_REMOTE", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_remote: Option<bool>,

    /// How users authenticate [default: none]
    #[arg(long, value_name = "HOW", env = "EVERWIRE_AUTH", value_enum, help_heading = "Access")]
    pub(crate) auth: Option<AuthArg>,

    /// With '--auth tokens': required value of the claim 'iss'
    #[arg(long, value_name = "NAME", env = "EVERWIRE_ISSUER", help_heading = "Access")]
    pub(crate) issuer: Option<String>,

    /// With '--auth tokens': the issuer's public keys (JWKS: Ed25519, or RSA for RS256); read again when the file
    /// changes
    #[arg(long, value_name = "FILE", env = "EVERWIRE_ISSUER_KEYS", help_heading = "Access")]
    pub(crate) issuer_keys: Option<PathBuf>,

    /// With '--auth tokens': value that the claim 'aud' must contain
    #[arg(long, value_name = "NAME", env = "EVERWIRE_AUDIENCE", help_heading = "Access")]
    pub(crate) audience: Option<String>,

    /// TLS certificate with its chain (PEM); read again when the file changes [default: no TLS]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_TLS_CERT", help_heading = "Access")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM) [default: in the file of --tls-cert]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_TLS_KEY", help_heading = "Access")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Messages per second of one user, five seconds' worth at once; a faster client is slowed down. Other requests
    /// count as parts of a message [default: 20 with --auth, else no limit]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_POSTS", value_parser = numbers::at_least(0_u32), help_heading = "Limits")]
    pub(crate) max_posts: Option<u32>,

    /// Newest messages to keep in each room [default: all]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_KEEP_MESSAGES", value_parser = numbers::at_least(0_u64), help_heading = "History")]
    pub(crate) keep_messages: Option<u64>,

    /// How long to keep messages [default: for ever]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_KEEP_TIME", value_parser = values::duration, help_heading = "History")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) keep_time: Option<Duration>,

    /// Messages that a member receives on joining a room [default: 50]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_LATEST", value_parser = numbers::at_least(0_u64), help_heading = "History")]
    pub(crate) latest: Option<u64>,

    /// Most members' connections; further ones are refused with 503 [default: 10000]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_CONNECTIONS", value_parser = numbers::at_least(0_usize), help_heading = "Limits")]
    pub(crate) max_connections: Option<usize>,

    /// Most connections from one address; further ones are refused with 429. Behind a proxy, all come from the
    /// proxy's address [default: no limit]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_PER_ADDRESS", value_parser = numbers::at_least(0_usize), help_heading = "Limits")]
    pub(crate) max_per_address: Option<usize>,

    /// Largest message to accept; a larger one closes its connection with 1009 [default: 64KiB]
    #[arg(long, value_name = "SIZE", env = "EVERWIRE_MAX_MESSAGE", value_parser = values::bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "by_size")]
    pub(crate) max_message: Option<usize>,

    /// Most bytes that wait for all members together, beside what their sockets hold; above half of it, members for
    /// whom more than an equal share waits are closed with 1013, and catch up when they come back [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "EVERWIRE_MAX_WAITING", value_parser = values::bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "by_size")]
    pub(crate) max_waiting: Option<usize>,

    /// Web pages that may connect, like `https://example.org` or `https://*.example.org`; 'same' is this host, '*'
    /// any page; separated by commas [default: same]
    #[arg(
        long = "origin",
        value_name = "ORIGIN",
        env = "EVERWIRE_ORIGIN",
        value_delimiter = ',',
        help_heading = "Limits"
    )]
    #[serde(rename = "origin")]
    pub(crate) origins: Option<Vec<String>>,

    /// Compress (permessage-deflate) for members that offer it [default: true]
    #[arg(long, value_name = "BOOL", env = "EVERWIRE_COMPRESSION", action = clap::ArgAction::Set, help_heading = "Network")]
    pub(crate) compression: Option<bool>,

    /// Heartbeat: ping after this much silence, and disconnect after as much again [default: 30s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_HEARTBEAT", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) heartbeat: Option<Duration>,

    /// How long users still count as present after their connection was lost [default: 5s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_PRESENCE_GRACE", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) presence_grace: Option<Duration>,

    /// Address and port of a second listener for /metrics, /healthz and /readyz, open to everyone who reaches it;
    /// /metrics is then served only there [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", env = "EVERWIRE_ADMIN_LISTEN", value_parser = address, help_heading = "Network")]
    #[serde(deserialize_with = "by_address")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// When the server ends: time over which members are disconnected, one after the other [default: 5s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_DRAIN", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) drain: Option<Duration>,

    /// Join the cluster on these NATS servers, so that several servers serve the same rooms: nats://HOST:4222 or
    /// tls://HOST:4222, separated by commas. Each server needs a --data folder of its own [default: none, a single
    /// server]
    #[arg(
        long,
        value_name = "URL",
        env = "EVERWIRE_CLUSTER",
        value_delimiter = ',',
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub(crate) cluster: Option<Vec<String>>,

    /// Number of NATS servers that store a message before its sender is told [default: 3]
    #[arg(
        long,
        value_name = "COUNT",
        env = "EVERWIRE_CLUSTER_REPLICAS",
        value_parser = numbers::within(1..=5_u8),
        help_heading = "Cluster"
    )]
    pub(crate) cluster_replicas: Option<u8>,

    /// The NATS user's credentials file (.creds) [default: those in the addresses, if any]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS", help_heading = "Cluster")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// Root certificates of the NATS servers (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA", help_heading = "Cluster")]
    pub(crate) cluster_ca: Option<PathBuf>,

    /// Confirm that the NATS servers sync before they acknowledge (sync_interval: always), or that a power failure
    /// may lose messages which they had acknowledged: a node can't ask for this setting [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "EVERWIRE_CLUSTER_ACCEPT_SYNC",
        num_args = 0..=1,
        default_missing_value = "true",
        help_heading = "Cluster"
    )]
    pub(crate) cluster_accept_sync: Option<bool>,

    /// Path of the chat, like /chat, behind a proxy that forwards the whole path; /healthz, /readyz and /metrics stay
    /// at the root [default: /]
    #[arg(long, value_name = "PATH", env = "EVERWIRE_BASE_PATH", value_parser = base_path, help_heading = "Network")]
    #[serde(deserialize_with = "by_base_path")]
    pub(crate) base_path: Option<BasePath>,

    /// Who may read /metrics [default: local]
    #[arg(long, value_name = "WHO", env = "EVERWIRE_METRICS", value_enum, help_heading = "Network")]
    pub(crate) metrics: Option<MetricsArg>,
}

/// How users authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuthArg {
    /// Not at all: everyone is a guest and chooses a name
    None,
    /// By password; `everwire user` manages the accounts
    Accounts,
    /// By JSON web tokens of another issuer
    Tokens,
}

/// Who may read the server's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MetricsArg {
    /// This machine only
    Local,
    /// Everyone who reaches the server
    Everyone,
    /// Nobody
    Nobody,
}

impl ServeSettings {
    /// These settings, and those of `file` for what is not set here.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            listen: self.listen.or(file.listen),
            data: self.data.or(file.data),
            allow_remote: self.allow_remote.or(file.allow_remote),
            auth: self.auth.or(file.auth),
            issuer: self.issuer.or(file.issuer),
            issuer_keys: self.issuer_keys.or(file.issuer_keys),
            audience: self.audience.or(file.audience),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            max_posts: self.max_posts.or(file.max_posts),
            keep_messages: self.keep_messages.or(file.keep_messages),
            keep_time: self.keep_time.or(file.keep_time),
            latest: self.latest.or(file.latest),
            max_connections: self.max_connections.or(file.max_connections),
            max_per_address: self.max_per_address.or(file.max_per_address),
            max_message: self.max_message.or(file.max_message),
            max_waiting: self.max_waiting.or(file.max_waiting),
            origins: self.origins.or(file.origins),
            compression: self.compression.or(file.compression),
            heartbeat: self.heartbeat.or(file.heartbeat),
            presence_grace: self.presence_grace.or(file.presence_grace),
            admin_listen: self.admin_listen.or(file.admin_listen),
            drain: self.drain.or(file.drain),
            base_path: self.base_path.or(file.base_path),
            metrics: self.metrics.or(file.metrics),
            cluster: self.cluster.or(file.cluster),
            cluster_replicas: self.cluster_replicas.or(file.cluster_replicas),
            cluster_credentials: self.cluster_credentials.or(file.cluster_credentials),
            cluster_ca: self.cluster_ca.or(file.cluster_ca),
            cluster_accept_sync: self.cluster_accept_sync.or(file.cluster_accept_sync),
        }
    }
}

fn by_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    parsed(from, address)
}

fn by_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parsed(from, values::duration)
}

fn by_size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    parsed(from, values::bytes)
}

fn by_base_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BasePath>, D::Error> {
    parsed(from, base_path)
}

/// A text of a settings file, parsed as on the command line.
fn parsed<'de, T, D: Deserializer<'de>>(
    from: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn base_path(text: &str) -> Result<BasePath, String> {
    BasePath::new(text).map_err(|error| error.to_string())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let with_host = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.starts_with(':') => format!("127.0.0.1{text}"),
        None => text.to_owned(),
    };
    with_host.parse().map_err(|_| "write address and port, like 127.0.0.1:8080 or [::1]:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_to_listen_on_has_a_port() {
        assert_eq!(address("127.0.0.1:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(address("localhost:99").unwrap().to_string(), "127.0.0.1:99");
        assert_eq!(address(":99").unwrap().to_string(), "127.0.0.1:99");
        assert_eq!(address("[::1]:8080").unwrap().to_string(), "[::1]:8080");
        assert!(address("127.0.0.1").is_err() && address("8080").is_err() && address("host:x").is_err());
    }
}
