//! Options of `everwire doctor`.

use std::time::Duration;

use clap::Args;

use super::cluster::ExaminedCluster;
use super::{NetworkArgs, TokenArgs, values};

/// Say step by step whether a WebSocket, or a cluster's NATS servers, can be reached, and what to do if not.
///
/// It looks up the name, connects to each address, shows the proxy, the certificate and the server's answer to the request
/// that an application makes, and measures the round trip by pings. Then it asks, on connections of their own, whether the
/// server speaks 'everwire.v1' and compresses. It sends pings and no message, except a session's greeting to a server that
/// takes 'everwire.v1'.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  Is it me or the server?
    everwire doctor wss://example.org/feed
  With the token and the company's certificate that the application uses:
    everwire doctor wss://intranet.example/feed --bearer-file token.txt --cacert company.pem
  It works for a minute, and then it is cut?
    everwire doctor wss://example.org/feed --idle 70s
  Are the NATS servers of a chat's nodes well?
    everwire doctor --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222
  For a script, an object per step and one at the end:
    everwire doctor ws://localhost:8080/ws --json | jq -r 'select(.verdict == \"bad\") | .advice'

Exit codes:
    0  it works; what could be better is said
    1  failed on this side: the token's file or command, the settings of TLS
    2  the command line makes no sense
    3  it does not work now, and trying again may help, if only once something has changed (a certificate that is not
       accepted, a page where the WebSocket should be); also if only some addresses work, and not the first
    4  refused for good: trying again can't help")]
pub(crate) struct DoctorArgs {
    /// Where to: ws://HOST, wss://HOST; 'localhost:8080/path' and http(s) addresses are understood too
    #[arg(required_unless_present = "cluster")]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) cluster: ExaminedCluster,

    /// How long each step may take; all of an opening (proxy, TLS, upgrade) together
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    pub(crate) timeout: Duration,

    /// Also say nothing for this long on a connection of its own, and look whether it lives: write longer than the time
    /// after which it is cut, like 70s
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) idle: Option<Duration>,

    /// How many pings to send
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) pings: u8,

    /// Offer this subprotocol; may be repeated, the preferred one first
    #[arg(short = 's', long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,

    /// Header of the opening request, 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<values::Header>,

    /// Print a JSON object per step, and one at the end
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
