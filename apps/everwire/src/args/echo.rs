//! Options of `everwire echo`.

use std::net::SocketAddr;

use clap::Args;

use super::values;
use everwire::CloseCode;

/// Run a small WebSocket server that sends each message back
///
/// It is for trying things: any path answers, text and binary messages come back as they came, and clients that offer the
/// subprotocol `everwire.v1` get a session, in which each message comes back exactly once. It ends at Ctrl-C.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  everwire echo
  everwire connect ws://127.0.0.1:8090/
  A faulty network in front of it:
    everwire proxy --listen 127.0.0.1:9000 --to 127.0.0.1:8090 --profile mobile --seed 7
    everwire connect ws://127.0.0.1:9000/
  A server that is overloaded:
    everwire echo --close-with 1013

Exit codes:
    0  ended by Ctrl-C or a termination signal
    1  could not start: the port is in use
    2  the command line makes no sense
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct EchoArgs {
    /// Address and port to listen on; port 0 lets the system choose
    #[arg(short, long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,

    /// The longest message that is taken, in a session too
    ///
    /// What waits for a client that sends and does not read is about this much, and 256 KiB; at most 1,024 clients are served
    /// at a time.
    #[arg(long, value_name = "SIZE", default_value = "512KiB", value_parser = values::some_bytes)]
    pub(crate) max_message: usize,

    /// Listen on an address that other machines can reach, although anybody may connect
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Close each new connection at once with this code (1000 to 4999), to see what a client does then
    #[arg(long, value_name = "CODE", value_parser = close_code)]
    pub(crate) close_with: Option<CloseCode>,
}

fn close_code(text: &str) -> Result<CloseCode, String> {
    let code = text.parse().map(CloseCode).ok().filter(|code| code.is_allowed_on_wire());
    code.ok_or_else(|| "not a close code that an endpoint may send (RFC 6455 section 7.4)".to_owned())
}
