//! Options of `everwire call`.

use std::time::Duration;

use clap::Args;

use super::{ConnectionArgs, NetworkArgs, TokenArgs, values};

/// Call a handler of a server, and print its reply; or a stream, and print its items
///
/// The server has to speak sessions ('everwire.v1') with calls, as those of 'everwire-server' with the feature 'calls' do. The
/// call survives lost connections: it is run at most once, and its reply comes once. Ctrl-C cancels it.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  One reply:
    everwire call wss://example.org/calls sum '[1, 2, 3]'
  A stream, an item per line, through whatever the network does:
    everwire call wss://example.org/calls tokens '\"a prompt\"' --stream
  Give up after a while, and have the server drop it:
    everwire call wss://example.org/calls report --deadline 30s

Exit codes:
    0  the reply, or the end of the stream, is there
    1  failed on this side: output, a file, the settings of TLS
    2  the command line makes no sense
    3  gave up: the limit on attempts or on elapsed time was reached
    4  the server answered with an error, knows no calls, or refused for good
    5  it ended without an answer: cancelled, deadline passed, or lost with the server's session; the line on stderr says
       whether it was run, as far as that is known
  130  interrupted twice (143: terminated twice)")]
pub(crate) struct CallArgs {
    /// Where to: ws://HOST, wss://HOST; 'localhost:8080/path' and http(s) addresses are understood too
    pub(crate) url: String,

    /// The handler's name
    pub(crate) name: String,

    /// What it is given, JSON mostly; sent as it is
    #[arg(value_name = "JSON", default_value = "")]
    pub(crate) payload: String,

    /// It is a stream: print each item on a line
    #[arg(long)]
    pub(crate) stream: bool,

    /// How long it may take, a first connection included [default: as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) deadline: Option<Duration>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
