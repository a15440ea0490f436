//! Options of `everwire connect`.

use std::time::Duration;

use clap::Args;
use everwire::OnNormalClose;

use super::values::{self, BytesOrOff, GuaranteeArg, NormalCloseArg, OrOff, OverflowArg};
use super::{ConnectionArgs, NetworkArgs, ProtocolArgs, TokenArgs, exit_codes};

/// Talk to any WebSocket: lines in, messages out, through every loss of the connection.
///
/// Each line of stdin is sent as one text message, each received message is printed to stdout as one line, and the
/// connection's state goes to stderr. When the connection is lost it is opened again, and what was not sent yet waits
/// for it. At the end of stdin everything is flushed, its arrival awaited, and the connection closed.
///
/// Received binary messages are printed as base64 after the word 'base64:'. With --binary stdin is sent as it is read, in
/// binary messages of up to 64 KiB, and what is received goes to stdout byte for byte.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  Talk to a server, line by line:
    everwire connect wss://example.org/echo
  Send a file's lines; exit code 0 means that all of them have arrived:
    everwire connect ws://localhost:8080/in --guarantee at-least-once < lines.txt
  Follow a feed as JSON lines, for ever, with a token that is asked for at every attempt:
    everwire connect wss://example.org/feed --listen --json --token-command 'pass show feed'
  Subscribe, and subscribe again on every new connection:
    everwire connect wss://example.org/feed --listen --first 'subscribe prices'
  Give up after five attempts instead of never:
    everwire connect ws://localhost:9000 --max-attempts 5 --initial-delay 200ms
  Through a proxy, to a server whose certificate the company has issued:
    everwire connect wss://intranet.example/feed --proxy http://proxy.example:3128 --cacert company.pem
  Only what is still fresh when the connection is back:
    sensor | everwire connect wss://example.org/in --max-age 5s --overflow drop-oldest
  To a server that closes connections which send more than 5 messages a second:
    everwire connect wss://example.org/in --send-rate 4.5 --close-timeout 10m < lines.txt
  Copy a file through:
    everwire connect ws://localhost:8080/upload --binary < photo.jpg

", exit_codes!()))]
pub(crate) struct ConnectArgs {
    /// Where to: ws://HOST, wss://HOST; 'localhost:8080/path' and http(s) addresses are understood too
    pub(crate) url: String,

    /// Send stdin as binary messages and print received bytes as they are
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) binary: bool,

    /// Never read stdin; stay until the other side ends it, or Ctrl-C
    #[arg(short, long, conflicts_with_all = ["linger", "once"])]
    pub(crate) listen: bool,

    /// Offer this subprotocol; may be repeated, the preferred one first
    #[arg(short = 's', long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,

    /// Send this text first on every connection, before any line; may be repeated: for servers that want to be told again
    /// whom they have and who wants what
    #[arg(long, value_name = "TEXT")]
    pub(crate) first: Vec<String>,

    /// After the end of stdin, stay connected until nothing has been received for this long; 'off' stays until Ctrl-C. A
    /// wanted number of messages is waited for as long as it takes
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = values::duration_or_off)]
    pub(crate) linger: OrOff,

    /// End after this many received messages; ending with fewer is exit code 5
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,

    /// End after the first received message; the same as --messages 1. What stdin has by then, and for another second, is sent
    #[arg(long, conflicts_with = "messages")]
    pub(crate) once: bool,

    /// How long the flush at the end may take, lost connections and a first one included
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = values::duration)]
    pub(crate) close_timeout: Duration,

    /// What follows when the other side closes with 1000, which some servers do when they restart [default: end; with
    /// --listen: reconnect]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_normal_close: Option<NormalCloseArg>,

    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

impl ConnectArgs {
    pub(crate) fn on_normal_close(&self) -> OnNormalClose {
        let usual = if self.listen { OnNormalClose::Reconnect } else { OnNormalClose::End };
        self.on_normal_close.map_or(usual, OnNormalClose::from)
    }
}

/// What happens to messages on their way out.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct DeliveryArgs {
    /// What is done about messages whose arrival a lost connection leaves unproven
    #[arg(long, value_name = "WHICH", default_value = "at-most-once")]
    pub(crate) guarantee: GuaranteeArg,

    /// How many messages may wait, unsent or unproven
    #[arg(long, value_name = "COUNT", default_value_t = 65536, value_parser = count)]
    pub(crate) outbox_messages: usize,

    /// How many bytes they may have together; also the longest line that is accepted
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = values::bytes)]
    pub(crate) outbox_bytes: usize,

    /// What happens when there is no room
    #[arg(long, value_name = "WHAT", default_value = "wait")]
    pub(crate) overflow: OverflowArg,

    /// Give a message up that has waited this long to be sent [default: it waits as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_age: Option<Duration>,

    /// Send at most this many messages a second on average, those of --first and texts in the place of pings
    /// included: some 10 % below what the server allows [default: as fast as the connection takes them]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) send_rate: Option<f64>,

    /// How many messages may go out at once after a pause
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "send_rate", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) send_burst: u32,

    /// Collect lines that are JSON for this long and send them as one JSON array
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "binary")]
    pub(crate) batch: Option<Duration>,

    /// Send messages of more bytes in fragments of 64 KiB, between which pings pass; 'off' never does
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = values::bytes_or_off)]
    pub(crate) fragment_above: BytesOrOff,
}

/// What is said, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArgs {
    /// Print everything to stdout as JSON lines: messages, states, outcomes, events, and how it ended
    #[arg(long)]
    pub(crate) json: bool,

    /// Say nothing on stderr but the reason of a failure
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more on stderr: events, outcomes, and the figures at the end
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "not a count of at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use everwire::{Config, Guarantee, Overflow, SendRate};

    use super::ConnectArgs;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        connect: ConnectArgs,
    }

    #[test]
    fn the_defaults_that_the_help_shows_are_those_of_the_library() {
        let shown = Alone::parse_from(["test", "ws://localhost"]).connect.delivery;
        let config = Config::default();
        assert_eq!(Guarantee::from(shown.guarantee), config.guarantee);
        assert_eq!(shown.outbox_messages, config.outbox.max_messages);
        assert_eq!(shown.outbox_bytes, config.outbox.max_bytes);
        assert_eq!(Overflow::from(shown.overflow), config.outbox.overflow);
        assert!(shown.batch.is_none() && config.batching.is_none());
        assert!(shown.max_age.is_none() && config.outbox.max_age.is_none());
        assert!(shown.send_rate.is_none() && config.send_rate.is_none());
        assert_eq!(shown.send_burst, SendRate::per_second(1.0).burst);
    }
}
