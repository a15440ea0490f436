//! Options of `everwire serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Start a chat server.
///
/// It needs nothing: it listens on this machine only, and says how to join. Ctrl-C ends it in order.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  Start it, then join from two other terminals:
    everwire serve
    everwire chat localhost:8080 --name ana
    everwire chat localhost:8080 --name ben
  On a port that the system chooses, with logs as JSON:
    everwire serve --listen 127.0.0.1:0 --log debug --log-format json

Exit codes:
    0  ended by Ctrl-C or a termination signal
    1  could not start, for instance because the port is in use
    2  the command line makes no sense
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(short, long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Where the server keeps what it must remember
    #[arg(short, long, value_name = "DIR", default_value = "everwire-data")]
    pub(crate) data: PathBuf,

    /// Allow an address that other machines can reach, although there is no TLS and no authentication yet
    #[arg(long)]
    pub(crate) allow_remote: bool,
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
