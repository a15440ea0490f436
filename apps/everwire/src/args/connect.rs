//! Options of `everwire connect`.

use std::time::Duration;

use clap::Args;
use everwire::OnNormalClose;

use super::values::{self, BytesOrOff, GuaranteeArg, NormalCloseArg, OrOff, OverflowArg};
use super::{ConnectionArgs, NetworkArgs, ProtocolArgs, TokenArgs, exit_codes, numbers};

/// Send stdin to any WebSocket and print what it sends; reconnect when the connection is lost.
///
/// Each line of stdin is sent as one text message, each received message is printed to stdout as one line, and the
/// connection's state is reported on stderr. When the connection is lost, it is opened again, and unsent messages
/// wait for it in an outbox. At the end of stdin everything is sent, its arrival is awaited, and the connection is
/// closed.
///
/// Received binary messages are printed as base64 after 'base64:'. With --binary, stdin is sent as it is read, in
/// binary messages of up to 64 KiB, and received bytes are written to stdout unchanged.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = concat!("\
Examples:
  Talk to a server, line by line:
    everwire connect wss://example.org/echo
  Send a file's lines; exit code 0 means that all of them have arrived:
    everwire connect ws://localhost:8080/in --guarantee at-least-once < lines.txt
  Follow a feed for ever, as JSON lines, with a new token for each attempt:
    everwire connect wss://example.org/feed --receive-only --json --token-command 'pass show feed'
  Subscribe, and subscribe again on every new connection:
    everwire connect wss://example.org/feed --receive-only --first 'subscribe prices'
  Give up after five attempts instead of never:
    everwire connect ws://localhost:9000 --max-attempts 5 --initial-delay 200ms
  Through a proxy, to a server with a certificate of the company:
    everwire connect wss://intranet.example/feed --proxy http://proxy:3128 --cacert ca.pem
  Drop what is older than 5 seconds when the connection is back:
    sensor | everwire connect wss://example.org/in --max-age 5s --overflow drop-oldest
  To a server that allows 5 messages per second:
    everwire connect wss://example.org/in --send-rate 4.5 --close-timeout 10m < lines.txt
  Send a file:
    everwire connect ws://localhost:8080/upload --binary < photo.jpg

", exit_codes!()))]
pub(crate) struct ConnectArgs {
    /// Server address: ws://HOST or wss://HOST; 'localhost:8080/path' and http(s) addresses work too
    pub(crate) url: String,

    /// Send stdin as binary messages, and write received bytes to stdout unchanged
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) binary: bool,

    /// Do not read stdin: only receive, until the server ends the connection or Ctrl-C
    #[arg(short = 'l', long, alias = "listen", conflicts_with_all = ["linger", "once"])]
    pub(crate) receive_only: bool,

    /// Offer this subprotocol; may be repeated, in order of preference
    #[arg(short = 's', long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,

    /// Send this text first on every new connection, before any line; may be repeated. For servers that need a login
    /// or a subscription on each connection
    #[arg(long, value_name = "TEXT")]
    pub(crate) first: Vec<String>,

    /// After the end of stdin, stay connected until nothing has been received for this long; 'off' stays until
    /// Ctrl-C. With --messages, stay until that many have come
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = values::duration_or_off)]
    pub(crate) linger: OrOff,

    /// Exit after this many received messages; exit code 5 if fewer come
    #[arg(long, value_name = "COUNT", value_parser = numbers::at_least(1_u64))]
    pub(crate) messages: Option<u64>,

    /// Exit after the first received message, as with --messages 1; lines that arrive on stdin within another second
    /// are still sent
    #[arg(long, conflicts_with = "messages")]
    pub(crate) once: bool,

    /// Longest time for sending the rest at the end, including time without a connection
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = values::duration)]
    pub(crate) close_timeout: Duration,

    /// What to do when the server closes with code 1000, which some servers do when they restart [default: end; with
    /// --receive-only: reconnect]
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
        let usual = if self.receive_only { OnNormalClose::Reconnect } else { OnNormalClose::End };
        self.on_normal_close.map_or(usual, OnNormalClose::from)
    }
}

/// What happens to messages on their way out.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct DeliveryArgs {
    /// Delivery guarantee for messages in flight when a connection is lost
    #[arg(long, value_name = "WHICH", default_value = "at-most-once")]
    pub(crate) guarantee: GuaranteeArg,

    /// Most messages in the outbox, queued or in flight
    #[arg(long, value_name = "COUNT", default_value_t = 65536, value_parser = numbers::at_least(1_usize))]
    pub(crate) outbox_messages: usize,

    /// Most bytes in the outbox; also the longest line that is accepted
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = values::bytes)]
    pub(crate) outbox_bytes: usize,

    /// What to do with a new message when the outbox is full
    #[arg(long, value_name = "WHAT", default_value = "wait")]
    pub(crate) overflow: OverflowArg,

    /// Drop a message that was not sent within this time [default: never]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_age: Option<Duration>,

    /// Send at most this many messages per second on average, those of --first and --text-ping included; choose some
    /// 10 % less than the server allows [default: no limit]
    #[arg(long, value_name = "NUMBER", value_parser = numbers::number)]
    pub(crate) send_rate: Option<f64>,

    /// With --send-rate: most messages sent at once after a pause
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "send_rate", value_parser = numbers::at_least(1_u32))]
    pub(crate) send_burst: u32,

    /// Collect lines of JSON for this long, and send them as one JSON array [default: each line is a message]
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "binary")]
    pub(crate) batch: Option<Duration>,

    /// Send larger messages in fragments of 64 KiB, so that pings pass between them; 'off' never fragments
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = values::bytes_or_off)]
    pub(crate) fragment_above: BytesOrOff,
}

/// What is printed, and in which form.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArgs {
    /// Print messages, states, outcomes, events and the end to stdout, one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,

    /// Print nothing on stderr except the reason of a failure
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print more on stderr: events, outcomes, and statistics at the end
    #[arg(short, long)]
    pub(crate) verbose: bool,
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

    #[test]
    fn the_earlier_name_of_receive_only_is_understood() {
        for option in ["--receive-only", "--listen", "-l"] {
            assert!(Alone::parse_from(["test", "ws://localhost", option]).connect.receive_only, "{option}");
        }
    }
}
