//! Options of `everwire doctor`.

use std::time::Duration;

use clap::Args;

use super::cluster::ExaminedCluster;
use super::{NetworkArgs, TokenArgs, numbers, values};

/// Diagnose step by step why a WebSocket, or a cluster's NATS servers, can't be reached, and advise what to do.
///
/// It looks up the name, connects to each address, reports the proxy, the certificate and the server's answer to the
/// request that an application makes, and measures the round trip by pings. Then it tests, on separate connections,
/// whether the server speaks 'everwire.v1' and compresses. It sends pings and no messages, except a session's
/// greeting to a server that accepts 'everwire.v1'.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  Find out why a server can't be reached:
    everwire doctor wss://example.org/feed
  With the token and the root certificate that the application uses:
    everwire doctor wss://intranet.example/feed --bearer-file token.txt --cacert company.pem
  Find out whether connections that are idle for a minute are cut:
    everwire doctor wss://example.org/feed --idle 70s
  Check the NATS servers of a chat cluster:
    everwire doctor --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222
  For a script, an object per step and one at the end:
    everwire doctor ws://localhost:8080/ws --json | jq -r 'select(.verdict == \"bad\") | .advice'

Exit codes:
    0  it works; possible improvements are printed
    1  failed on this machine: the token's file or command, the TLS settings
    2  the command line is not valid
    3  it does not work now, but may later, or after a change (a certificate that is not accepted,
       a web page in place of the WebSocket); also if the first address fails, but others work
    4  refused for good: trying again can't help")]
pub(crate) struct DoctorArgs {
    /// Server address: ws://HOST or wss://HOST; 'localhost:8080/path' and http(s) addresses work too
    #[arg(required_unless_present = "cluster")]
    pub(crate) url: Option<String>,

    /// Longest time for each step; proxy, TLS and upgrade of one connection together are one step
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    pub(crate) timeout: Duration,

    /// Also keep a connection silent for this long, and check that it still works; choose longer than the time after
    /// which yours are lost, like 70s
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) idle: Option<Duration>,

    /// Number of pings to send
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = numbers::within(1..=255_u8))]
    pub(crate) pings: u8,

    /// Offer this subprotocol; may be repeated, in order of preference
    #[arg(short = 's', long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,

    /// Add this header to the opening request, 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<values::Header>,

    /// Print one JSON object per step, and one at the end
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) cluster: ExaminedCluster,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}
