//! Options of `everwire call`.

use std::time::Duration;

use clap::Args;

use super::{ConnectionArgs, NetworkArgs, TokenArgs, values};

/// Call a handler of a server and print its reply, or the items of a stream
///
/// The server must speak sessions ('everwire.v1') with calls, like those made with 'everwire-server' and its feature
/// 'calls'. The call survives lost connections: it runs at most once, and its reply is printed once. Ctrl-C cancels
/// it.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  One reply:
    everwire call wss://example.org/calls sum '[1, 2, 3]'
  A stream, an item per line, through whatever the network does:
    everwire call wss://example.org/calls tokens '\"a prompt\"' --stream
  Give up after 30 seconds, and have the server cancel it:
    everwire call wss://example.org/calls report --deadline 30s

Exit codes:
    0  the reply, or the end of the stream, was received
    1  failed on this machine: output, a file, the TLS settings
    2  the command line is not valid
    3  gave up: --max-attempts or --max-elapsed was reached
    4  the server answered with an error, does not support calls, or refused for good
    5  ended without a reply: cancelled, deadline passed, or the server's session was lost; the
       line on stderr reports whether the handler has run, as far as that is known, and
       whether trying again makes sense
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct CallArgs {
    /// Server address: ws://HOST or wss://HOST; 'localhost:8080/path' and http(s) addresses work too
    pub(crate) url: String,

    /// Name of the handler
    pub(crate) name: String,

    /// Argument of the handler, usually JSON; sent unchanged
    #[arg(value_name = "JSON", default_value = "")]
    pub(crate) payload: String,

    /// The handler answers with a stream: print each item on a line
    #[arg(long)]
    pub(crate) stream: bool,

    /// Longest time for the call, the first connection included [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) deadline: Option<Duration>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
