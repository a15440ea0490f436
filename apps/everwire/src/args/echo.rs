//! Options of `everwire echo`.

use std::net::SocketAddr;

use clap::Args;
use everwire::CloseCode;

use super::{serve, values};

/// Run a small WebSocket server that sends each message back
///
/// For trying things out: it accepts every path, sends text and binary messages back as they came, and gives clients
/// that offer the subprotocol `everwire.v1` a session, in which each message comes back exactly once. Ctrl-C ends it.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  everwire echo
  everwire connect ws://127.0.0.1:8090/
  A faulty network in front of it:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8090 --profile mobile --seed 7
    everwire connect ws://127.0.0.1:9000/
  Pretend to be overloaded:
    everwire echo --close-with 1013

Exit codes:
    0  ended by Ctrl-C or a termination signal
    1  could not start: the port is in use
    2  the command line is not valid
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct EchoArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(short, long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090", value_parser = serve::address)]
    pub(crate) listen: SocketAddr,

    /// Largest message to accept, in a session too
    ///
    /// A client that sends and does not read makes the server hold about this much, and 256 KiB; at most 1,024
    /// clients are served at a time.
    #[arg(long, value_name = "SIZE", default_value = "512KiB", value_parser = values::some_bytes)]
    pub(crate) max_message: usize,

    /// Allow an address that other machines can reach; anyone who reaches it may connect
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Close each new connection at once with this code (1000 to 4999), to see how a client reacts
    #[arg(long, value_name = "CODE", value_parser = close_code)]
    pub(crate) close_with: Option<CloseCode>,
}

fn close_code(text: &str) -> Result<CloseCode, String> {
    let code = text.parse().map(CloseCode).ok().filter(|code| code.is_allowed_on_wire());
    code.ok_or_else(|| "not a close code that an endpoint may send (RFC 6455 section 7.4)".to_owned())
}
