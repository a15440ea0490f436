//! Options of the protocol: limits, compression, text pings, and the meaning of close codes and statuses.

use clap::Args;
use everwire::{AdviceOverride, Builder, CauseMatch, Deflate, Limits};

use super::values::{self, TextPing};

/// How the protocol is spoken on a connection.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ProtocolArgs {
    /// Largest message to receive, all its fragments together; a larger one ends the connection
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = values::some_bytes)]
    pub(crate) max_message: usize,

    /// Offer compression (permessage-deflate); not for messages in which secrets stand beside text that others
    /// choose, because their length reveals the secret
    #[arg(long)]
    pub(crate) compression: bool,

    /// Heartbeat by text, for servers that do not answer ping frames: send TEXT and expect REPLY, like 'ping=pong';
    /// replies are not printed
    #[arg(long, value_name = "TEXT=REPLY", value_parser = values::text_ping)]
    pub(crate) text_ping: Option<TextPing>,

    /// Connect again after this close code (1000 to 4999) or HTTP status (200 to 599) from the server; may be
    /// repeated
    #[arg(long, value_name = "CODE", value_parser = values::cause)]
    pub(crate) retry_on: Vec<CauseMatch>,

    /// Stop with exit code 4 after this close code or HTTP status from the server; may be repeated
    #[arg(long, value_name = "CODE", value_parser = values::cause)]
    pub(crate) stop_on: Vec<CauseMatch>,
}

impl ProtocolArgs {
    /// Whether the user wants more attempts after an opening that was refused with this HTTP status.
    pub(crate) fn retries_on_status(&self, status: u16) -> bool {
        self.retry_on.contains(&CauseMatch::Status(status))
    }

    /// Puts the options into the settings of a client.
    pub(crate) fn apply(&self, mut builder: Builder) -> Builder {
        let limits = Limits { max_frame: self.max_message, max_message: self.max_message, ..Limits::default() };
        builder = builder.limits(limits);
        if self.compression {
            builder = builder.compression(Deflate::default());
        }
        if let Some(TextPing { ping, pong }) = &self.text_ping {
            builder = builder.text_pings(ping, pong);
        }
        for cause in &self.retry_on {
            builder = builder.override_advice(*cause, AdviceOverride::Retry);
        }
        for cause in &self.stop_on {
            builder = builder.override_advice(*cause, AdviceOverride::Stop);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use everwire::Limits;

    use super::ProtocolArgs;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        protocol: ProtocolArgs,
    }

    #[test]
    fn the_defaults_that_the_help_shows_are_those_of_the_library() {
        let shown = Alone::parse_from(["test"]).protocol;
        let limits = Limits::default();
        assert_eq!((shown.max_message, shown.max_message), (limits.max_message, limits.max_frame));
    }
}
