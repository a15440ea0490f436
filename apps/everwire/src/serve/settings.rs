//! Merges the settings of the command line, the environment and a file, checks them, and makes the server's configuration.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use everwire_chat_server::{Auth, ClusterSettings, Issuer, MetricsAccess, Rate, ServerConfig, TlsFiles};
use everwire_server::Origins;

use super::listen::Guarded;
use crate::args::{AuthArg, MetricsArg, ServeArgs, ServeSettings};
use crate::exit::{Exit, Failure};

/// The default limit of a user's messages per second, and the seconds' worth that may come at once.
const POSTS: u32 = 20;
const BURST: f64 = 5.0;

/// The default time over which members are disconnected at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// The least value of `max-waiting`, in bytes.
const LEAST_WAITING: usize = 1 << 20;

/// The settings of a server.
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    pub(super) admin_listen: Option<SocketAddr>,
    pub(super) allow_remote: bool,
    pub(super) data: PathBuf,
    pub(super) server: ServerConfig,
}

impl Settings {
    /// # Errors
    /// If the file can't be read, or something in it is not valid; one line that says where and why.
    pub(super) fn of(args: ServeArgs) -> Result<Self, Failure> {
        let file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
        Self::from(args.settings.over(file))
    }

    fn from(settings: ServeSettings) -> Result<Self, Failure> {
        let data = settings.data.unwrap_or_else(|| "everwire-data".into());
        let mut server = ServerConfig::with_data(&data);
        server.retention.messages = settings.keep_messages;
        server.retention.time = settings.keep_time;
        server.max_per_address = settings.max_per_address;
        replace(&mut server.latest, settings.latest);
        replace(&mut server.max_connections, settings.max_connections);
        replace(&mut server.max_message, settings.max_message);
        replace(&mut server.all_mailboxes_bytes, settings.max_waiting);
        replace(&mut server.heartbeat, settings.heartbeat);
        replace(&mut server.presence_grace, settings.presence_grace);
        replace(&mut server.base_path, settings.base_path);
        server.drain = settings.drain.unwrap_or(DRAIN);
        if let Some(origins) = settings.origins {
            server.origins = Origins::new(&origins).map_err(|error| Failure::usage(format!("origin: {error}")))?;
        }
        if settings.compression == Some(false) {
            server.compression = None;
        }
        if let Some(metrics) = settings.metrics {
            server.metrics = match metrics {
                MetricsArg::Local => MetricsAccess::Local,
                MetricsArg::Everyone => MetricsAccess::Everyone,
                MetricsArg::Nobody => MetricsAccess::Nobody,
            };
        }
        match (settings.admin_listen, settings.metrics) {
            (None, _) => {}
            (Some(_), Some(_)) => return Err(Failure::usage("metrics goes without admin-listen".to_owned())),
            (Some(_), None) => server.metrics = MetricsAccess::Nobody,
        }
        server.auth =
            auth(settings.auth.unwrap_or(AuthArg::None), settings.issuer, settings.issuer_keys, settings.audience)?;
        // With accounts or tokens, other people's programs can flood a room; guests are on this machine by default.
        let default = (!matches!(server.auth, Auth::Guests)).then_some(POSTS);
        server.posts =
            settings.max_posts.or(default).map(|posts| Rate::new(f64::from(posts) * BURST, f64::from(posts)));
        server.tls = match (settings.tls_cert, settings.tls_key) {
            (None, None) => None,
            (Some(certificate), key) => Some(TlsFiles { key: key.unwrap_or_else(|| certificate.clone()), certificate }),
            (None, Some(_)) => return Err(Failure::usage("tls-key goes with tls-cert".to_owned())),
        };
        server.cluster = cluster(
            settings.cluster,
            settings.cluster_replicas,
            settings.cluster_credentials,
            settings.cluster_ca,
            settings.cluster_accept_sync,
        )?;
        check_limits(&server)?;
        let listen = settings.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8080).into());
        let admin_listen = settings.admin_listen;
        Ok(Self { listen, admin_listen, allow_remote: settings.allow_remote.unwrap_or(false), data, server })
    }

    /// Whether a server with these settings starts: it has TLS and authentication, or is reachable from this machine only, or
    /// `allow-remote` is set.
    fn would_start(&self) -> bool {
        let guarded = Guarded {
            tls: self.server.tls.is_some(),
            auth: !matches!(self.server.auth, Auth::Guests),
            ..Guarded::default()
        };
        guarded.missing().is_none() || self.listen.ip().is_loopback() || self.allow_remote
    }

    fn words(&self) -> String {
        let ServerConfig { retention, latest, max_connections, max_per_address, max_message, compression, .. } =
            &self.server;
        let base = self.server.base_path.as_str();
        let mut words = format!(
            "listens on {}{}\nkeeps its data in {}\n",
            self.listen,
            if base.is_empty() { String::new() } else { format!(", below {base}") },
            self.data.display()
        );
        let count =
            retention.messages.map_or_else(|| "all messages".to_owned(), |count| format!("{count} messages a room"));
        let time =
            retention.time.map_or_else(|| "for ever".to_owned(), |time| format!("for {}", crate::term::short(time)));
        let per_address = max_per_address.map_or_else(String::new, |count| format!(", {count} from one address"));
        let compresses = if compression.is_some() { "compresses" } else { "does not compress" };
        let _ = write!(
            words,
            "keeps {count}, {time}; a user who joins receives the latest {latest}\n\
             accepts {max_connections} connections{per_address}; messages of at most {max_message} bytes; {compresses}"
        );
        words.push_str(match &self.server.auth {
            Auth::Accounts => "\nadmits users with an account",
            Auth::Issuer(_) => "\nadmits users with a token of the issuer",
            _ => "\nadmits everyone who reaches it",
        });
        words.push_str(if self.server.tls.is_some() { ", by TLS" } else { ", without TLS" });
        if let Some(cluster) = &self.server.cluster {
            let servers = cluster.servers.len();
            let _ = write!(
                words,
                "\nis a node of the cluster on {servers} NATS server{}, with {} replicas",
                if servers == 1 { "" } else { "s" },
                cluster.replicas
            );
        }
        if !self.would_start() {
            words.push_str("\nwould not start: other machines can reach it, and allow-remote is not set");
        }
        words
    }
}

/// `everwire config check`.
pub(crate) fn check(file: &Path) -> Result<Exit, Failure> {
    // An error in the file is not one of the command line.
    let fault = |failure: Failure| Failure { exit: Exit::Failed, ..failure };
    let settings = Settings::from(read(file).map_err(fault)?).map_err(fault)?;
    println!("{}", settings.words());
    Ok(if settings.would_start() { Exit::Done } else { Exit::Failed })
}

fn read(file: &Path) -> Result<ServeSettings, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Failed, format!("the settings in {name} can't be read: {error}")))?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or("", |span| &text[..span.start.min(text.len())]);
        let line = 1 + before.matches('\n').count();
        // An error in a value is reported with the key before it.
        let key = before.rsplit('\n').next().and_then(|start| start.trim_end().strip_suffix('='));
        let key = key.map(|key| format!("{}: ", key.trim())).unwrap_or_default();
        Failure::usage(format!("{name}, line {line}: {key}{}", plain(error.message())))
    })
}

/// An error about a value, with the parser's names of types replaced by plain words.
fn plain(message: &str) -> String {
    let message = message.replace('\n', " ");
    let Some((found, kind)) = message.rsplit_once(", expected ") else { return message };
    if let Some(value) = found.strip_prefix("unknown variant ") {
        return format!("{value} is not {kind}");
    }
    let wanted = match kind {
        "u8" | "u32" | "u64" | "usize" => "a whole number of at least 0",
        "a string" => "text in quotation marks",
        "a boolean" => "true or false",
        "a sequence" => "a list in brackets, like [\"one\", \"two\"]",
        _ => return message,
    };
    let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    format!("{found} is not {wanted}")
}

fn auth(
    how: AuthArg,
    issuer: Option<String>,
    keys: Option<PathBuf>,
    audience: Option<String>,
) -> Result<Auth, Failure> {
    match (how, issuer, keys, audience) {
        (AuthArg::None, None, None, None) => Ok(Auth::Guests),
        (AuthArg::Accounts, None, None, None) => Ok(Auth::Accounts),
        (AuthArg::Tokens, Some(name), Some(keys), Some(audience)) => Ok(Auth::Issuer(Issuer { keys, name, audience })),
        (AuthArg::Tokens, ..) => {
            Err(Failure::usage("auth by tokens needs issuer, issuer-keys and audience".to_owned()))
        }
        (AuthArg::None | AuthArg::Accounts, ..) => {
            Err(Failure::usage("issuer, issuer-keys and audience go with auth by tokens".to_owned()))
        }
    }
}

fn cluster(
    servers: Option<Vec<String>>,
    replicas: Option<u8>,
    credentials: Option<PathBuf>,
    ca: Option<PathBuf>,
    accept_sync: Option<bool>,
) -> Result<Option<ClusterSettings>, Failure> {
    let Some(servers) = servers else {
        let is_alone = replicas.is_none() && credentials.is_none() && ca.is_none() && accept_sync.is_none();
        return if is_alone {
            Ok(None)
        } else {
            Err(Failure::usage(
                "cluster-replicas, cluster-credentials, cluster-ca and cluster-accept-sync go with cluster".to_owned(),
            ))
        };
    };
    if servers.is_empty() {
        return Err(Failure::usage("cluster names no NATS server".to_owned()));
    }
    let mut cluster = ClusterSettings::new(servers);
    if let Some(replicas) = replicas {
        if !(1..=5).contains(&replicas) {
            return Err(Failure::usage("cluster-replicas is from 1 to 5".to_owned()));
        }
        cluster.replicas = usize::from(replicas);
    }
    cluster.credentials = credentials;
    cluster.ca = ca;
    cluster.accept_sync = accept_sync.unwrap_or(false);
    Ok(Some(cluster))
}

fn check_limits(server: &ServerConfig) -> Result<(), Failure> {
    let zero = |name: &str| Err(Failure::usage(format!("{name} is 0: nobody could use such a server")));
    let nothing = |name: &str| Err(Failure::usage(format!("{name} is 0: each message would be removed at once")));
    match server {
        ServerConfig { retention, .. } if retention.messages == Some(0) => nothing("keep-messages"),
        ServerConfig { retention, .. } if retention.time.is_some_and(|time| time.is_zero()) => nothing("keep-time"),
        ServerConfig { max_connections: 0, .. } => zero("max-connections"),
        ServerConfig { max_per_address: Some(0), .. } => zero("max-per-address"),
        ServerConfig { max_message: 0, .. } => zero("max-message"),
        ServerConfig { all_mailboxes_bytes, .. } if *all_mailboxes_bytes < LEAST_WAITING => {
            Err(Failure::usage("max-waiting is less than 1MiB: members would be disconnected all the time".to_owned()))
        }
        ServerConfig { posts: Some(Rate { per_second, .. }), .. } if *per_second <= 0.0 => zero("max-posts"),
        ServerConfig { heartbeat, .. } if heartbeat.is_zero() => zero("heartbeat"),
        _ => Ok(()),
    }
}

fn replace<T>(setting: &mut T, with: Option<T>) {
    if let Some(value) = with {
        *setting = value;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn serve(config: &Path, more: &[&str]) -> Result<Settings, Failure> {
        let path = config.display().to_string();
        let words = [&["everwire", "serve", "--config", &path], more].concat();
        match Cli::parse_from(words).command {
            Command::Serve(args) => Settings::of(args),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_command_line_overrides_the_file_and_the_file_the_defaults() {
        let file = file(
            "listen = ':9999'\nkeep-time = '48h'\nkeep-messages = 10\nmax-message = '1MiB'\nmax-waiting = '1GiB'\norigin = ['https://a.example']\n\
             compression = false\nmetrics = 'nobody'\nallow-remote = true\n",
        );
        let settings = serve(file.path(), &["--keep-messages", "20"]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:9999");
        assert_eq!((settings.server.retention.messages, settings.server.latest), (Some(20), 50));
        assert_eq!(settings.server.retention.time, Some(Duration::from_secs(48 * 3600)));
        assert_eq!((settings.server.max_message, settings.server.metrics), (1 << 20, MetricsAccess::Nobody));
        assert_eq!(settings.server.all_mailboxes_bytes, 1 << 30);
        assert!(settings.server.compression.is_none() && settings.allow_remote);
        assert!(
            settings.server.origins.allow("https://a.example", "x") && !settings.server.origins.allow("https://b", "x")
        );
    }

    #[test]
    fn an_invalid_setting_is_reported_with_its_line() {
        for (text, words) in [
            ("latest = 3\nkeep-tiem = '1h'", "line 2: unknown field `keep-tiem`"),
            ("keep-time = '48'", "line 1: keep-time: no unit; write it with its unit"),
            ("listen = 'here'", "line 1: listen: write address and port"),
            ("max-connections = 0", "max-connections is 0"),
            ("max-waiting = '64KiB'", "max-waiting is less than 1MiB"),
            ("keep-messages = 0", "keep-messages is 0"),
            ("keep-time = '0s'", "keep-time is 0"),
            ("origin = ['nonsense']", "origin: "),
            ("base-path = 'chat'", "line 1: base-path: the path does not begin with '/'"),
            ("listen = ", "line 1"),
            ("metrics = 'all'", "line 1: metrics: `all` is not one of `local`, `everyone`, `nobody`"),
            ("keep-time = 5", "line 1: keep-time: integer `5` is not text in quotation marks"),
            ("latest = 'many'", "line 1: latest: string \"many\" is not a whole number of at least 0"),
            ("max-connections = -1", "line 1: max-connections: integer `-1` is not a whole number of at least 0"),
            ("compression = 'no'", "line 1: compression: string \"no\" is not true or false"),
            ("origin = 'https://a.example'", "line 1: origin: string \"https://a.example\" is not a list in brackets"),
            ("cluster-replicas = 3", "go with cluster"),
            ("cluster = []", "cluster names no NATS server"),
            ("cluster = ['nats://a']\ncluster-replicas = 6", "cluster-replicas is from 1 to 5"),
        ] {
            let file = file(text);
            let refused = serve(file.path(), &[]).err().unwrap();
            assert!(refused.line.contains(words) && refused.exit == Exit::Usage, "{}", refused.line);
        }
        let refused = serve(Path::new("/not/there.toml"), &[]).err().unwrap();
        assert!(refused.line.contains("/not/there.toml can't be read"), "{}", refused.line);
    }

    #[test]
    fn a_cluster_of_the_file_can_be_given_on_the_command_line_too() {
        let file = file("cluster = ['nats://a:4222', 'nats://b:4222']\ncluster-accept-sync = true\n");
        let settings = serve(file.path(), &["--cluster-replicas", "1"]).unwrap();
        assert!(settings.words().contains("is a node of the cluster on 2 NATS servers, with 1 replicas"));
        assert!(settings.server.cluster.is_some_and(|cluster| cluster.accept_sync));
        let other = serve(file.path(), &["--cluster", "nats://c:1,nats://d:2", "--cluster-accept-sync"]).unwrap();
        let cluster = other.server.cluster.unwrap();
        assert_eq!((cluster.servers, cluster.replicas), (vec!["nats://c:1".to_owned(), "nats://d:2".to_owned()], 3));
    }

    #[test]
    fn a_checked_file_is_described_in_words() {
        let file = file("listen = '0.0.0.0:80'\nkeep-time = '2h'\nbase-path = '/chat'");
        let words = serve(file.path(), &[]).unwrap().words();
        assert!(words.contains("listens on 0.0.0.0:80, below /chat\n") && words.contains("for 2 h 0 min"), "{words}");
        assert!(words.contains("would not start"), "{words}");
    }
}
