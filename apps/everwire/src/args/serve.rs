//! Options of `everwire serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use everwire_chat_server::BasePath;
use serde::{Deserialize, Deserializer};

use super::values;

/// Start a chat server.
///
/// It needs nothing: it listens on this machine only, and says how to join. Ctrl-C ends it in order.
///
/// Each setting may also stand in a file (--config) under its option's name without the dashes, or in the environment as
/// EVERWIRE_ and its name. What is written on the command line goes before the environment, and that before the file.
#[derive(Clone, Debug, Default, Args)]
#[command(after_long_help = "\
Examples:
  Start it, then join from two other terminals:
    everwire serve
    everwire chat localhost:8080 --name ana
    everwire chat localhost:8080 --name ben
  On a port that the system chooses, with logs as JSON:
    everwire serve --listen 127.0.0.1:0 --log debug --log-format json
  For a team, with accounts and TLS:
    everwire user add ana
    everwire serve --listen 0.0.0.0:443 --auth accounts --tls-cert chat.pem --tls-key chat.key
  With a history of 90 days, and settings in a file that is looked at first:
    everwire serve --keep-time 2160h
    everwire config check chat.toml && everwire serve --config chat.toml

Exit codes:
    0  ended by Ctrl-C or a termination signal
    1  could not start, for instance because the port is in use
    2  the command line makes no sense
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct ServeArgs {
    /// A file of settings (TOML)
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: ServeSettings,
}

/// What may stand on the command line, in the environment and in a file.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServeSettings {
    /// Address and port to listen on; port 0 lets the system choose [default: 127.0.0.1:8080]
    #[arg(short, long, value_name = "ADDRESS:PORT", env = "EVERWIRE_LISTEN", value_parser = address)]
    #[serde(deserialize_with = "by_address")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where the server keeps what it must remember [default: everwire-data]
    #[arg(short, long, value_name = "DIR", env = "EVERWIRE_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Allow an address that other machines can reach, although TLS or authentication is missing
    #[arg(long, value_name = "BOOL", env = "EVERWIRE_ALLOW_REMOTE", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_remote: Option<bool>,

    /// How users say who they are [default: none]
    #[arg(long, value_name = "HOW", env = "EVERWIRE_AUTH", value_enum, help_heading = "Access")]
    pub(crate) auth: Option<AuthArg>,

    /// What the tokens' claim 'iss' has to be, with '--auth tokens'
    #[arg(long, value_name = "NAME", env = "EVERWIRE_ISSUER", help_heading = "Access")]
    pub(crate) issuer: Option<String>,

    /// The issuer's keys (JWKS: Ed25519, or RSA for RS256), with '--auth tokens'; read again when the file changes
    #[arg(long, value_name = "FILE", env = "EVERWIRE_ISSUER_KEYS", help_heading = "Access")]
    pub(crate) issuer_keys: Option<PathBuf>,

    /// What the tokens' claim 'aud' has to hold, with '--auth tokens'
    #[arg(long, value_name = "NAME", env = "EVERWIRE_AUDIENCE", help_heading = "Access")]
    pub(crate) audience: Option<String>,

    /// The certificate and those that lead to its root (PEM); read again when the file changes
    #[arg(long, value_name = "FILE", env = "EVERWIRE_TLS_CERT", help_heading = "Access")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM) [default: in the file of the certificate]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_TLS_KEY", help_heading = "Access")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Messages a second of one user, five seconds' worth at once; who is faster waits. All else that a client does counts as
    /// parts of a message [default: with --auth 20, else no limit]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_POSTS", help_heading = "Limits")]
    pub(crate) max_posts: Option<u32>,

    /// How many of the latest messages of a room are kept [default: all]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_KEEP_MESSAGES", help_heading = "History")]
    pub(crate) keep_messages: Option<u64>,

    /// How long messages are kept [default: for ever]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_KEEP_TIME", value_parser = values::duration, help_heading = "History")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) keep_time: Option<Duration>,

    /// How many messages somebody gets who joins [default: 50]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_LATEST", help_heading = "History")]
    pub(crate) latest: Option<u64>,

    /// Members' connections at a time; further ones are refused [default: 10000]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_CONNECTIONS", help_heading = "Limits")]
    pub(crate) max_connections: Option<usize>,

    /// Connections at a time from one address; behind a proxy all come from the proxy's [default: no limit]
    #[arg(long, value_name = "COUNT", env = "EVERWIRE_MAX_PER_ADDRESS", help_heading = "Limits")]
    pub(crate) max_per_address: Option<usize>,

    /// The largest message that is taken [default: 64KiB]
    #[arg(long, value_name = "SIZE", env = "EVERWIRE_MAX_MESSAGE", value_parser = values::bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "by_size")]
    pub(crate) max_message: Option<usize>,

    /// Bytes that may wait for all members together, beside what their sockets hold; beyond half of it, members for whom more than an
    /// equal share waits are closed with 1013, and catch up when they come back [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "EVERWIRE_MAX_WAITING", value_parser = values::bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "by_size")]
    pub(crate) max_waiting: Option<usize>,

    /// A web page that may connect, such as `https://example.org` or `https://*.example.org`; 'same' is this host, '*' any.
    /// May be given several times [default: same]
    #[arg(
        long = "origin",
        value_name = "ORIGIN",
        env = "EVERWIRE_ORIGIN",
        value_delimiter = ',',
        help_heading = "Limits"
    )]
    #[serde(rename = "origin")]
    pub(crate) origins: Option<Vec<String>>,

    /// Compress for members that offer it [default: true]
    #[arg(long, value_name = "BOOL", env = "EVERWIRE_COMPRESSION", action = clap::ArgAction::Set, help_heading = "Network")]
    pub(crate) compression: Option<bool>,

    /// Silence after which a connection is pinged, and after which again it is dropped [default: 30s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_HEARTBEAT", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) heartbeat: Option<Duration>,

    /// How long somebody whose connection was cut still counts as here [default: 5s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_PRESENCE_GRACE", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) presence_grace: Option<Duration>,

    /// Address and port of a second listener, for /metrics, /healthz and /readyz: whoever reaches it may read them, and /metrics is
    /// there alone [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", env = "EVERWIRE_ADMIN_LISTEN", value_parser = address, help_heading = "Network")]
    #[serde(deserialize_with = "by_address")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// How long members may take to be sent away when the server ends: they go one after the other [default: 5s]
    #[arg(long, value_name = "DURATION", env = "EVERWIRE_DRAIN", value_parser = values::duration, help_heading = "Network")]
    #[serde(deserialize_with = "by_duration")]
    pub(crate) drain: Option<Duration>,

    /// Be a node of the cluster that these NATS servers keep: several servers then serve the same rooms. nats://host:4222 or
    /// tls://host:4222, may be given several times; each node has a --data folder of its own [default: none, this server is alone]
    #[arg(
        long,
        value_name = "URL",
        env = "EVERWIRE_CLUSTER",
        value_delimiter = ',',
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub(crate) cluster: Option<Vec<String>>,

    /// On how many of the NATS servers each message is stored before its sender is told [default: 3]
    #[arg(
        long,
        value_name = "COUNT",
        env = "EVERWIRE_CLUSTER_REPLICAS",
        value_parser = clap::value_parser!(u8).range(1..=5),
        help_heading = "Cluster"
    )]
    pub(crate) cluster_replicas: Option<u8>,

    /// The NATS user's credentials (.creds) [default: those in the addresses, if any]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS", help_heading = "Cluster")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// The certificates that those of the NATS servers lead to (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA", help_heading = "Cluster")]
    pub(crate) cluster_ca: Option<PathBuf>,

    /// Confirm that the NATS servers sync before they acknowledge (sync_interval: always), or that a loss of power may take what they
    /// had acknowledged: it can't be asked [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "EVERWIRE_CLUSTER_ACCEPT_SYNC",
        num_args = 0..=1,
        default_missing_value = "true",
        help_heading = "Cluster"
    )]
    pub(crate) cluster_accept_sync: Option<bool>,

    /// The path below which the chat is, such as /chat, behind a proxy that hands on the whole path; /healthz, /readyz and
    /// /metrics are at the root all the same [default: /]
    #[arg(long, value_name = "PATH", env = "EVERWIRE_BASE_PATH", value_parser = base_path, help_heading = "Network")]
    #[serde(deserialize_with = "by_base_path")]
    pub(crate) base_path: Option<BasePath>,

    /// Who may read /metrics [default: local]
    #[arg(long, value_name = "WHO", env = "EVERWIRE_METRICS", value_enum, help_heading = "Network")]
    pub(crate) metrics: Option<MetricsArg>,
}

/// How users say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuthArg {
    /// They just say it: all are guests
    None,
    /// By a password of an account; 'everwire user' makes them
    Accounts,
    /// By a JSON web token of somebody else
    Tokens,
}

/// Who may read the server's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MetricsArg {
    /// This machine only
    Local,
    /// Whoever reaches the server
    Everyone,
    /// Nobody
    Nobody,
}

impl ServeSettings {
    /// What is written here goes before what is written in `file`.
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

/// A text that means the same in a file as on the command line.
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

fn address(text: &str) -> Result<SocketAddr, String> {
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
