//! Options of every command that keeps a connection: opening, retry, heartbeat.

use std::time::Duration;

use clap::Args;
use everwire::NetworkHints;

use super::numbers;
use super::values::{self, JitterArg, OrOff};

/// How a connection is opened, kept and opened again.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Longest time for one attempt, from the name look-up to the upgrade
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(crate) connect_timeout: Duration,

    /// Back-off: delay before the first new attempt
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = values::duration)]
    pub(crate) initial_delay: Duration,

    /// Back-off: factor by which the delay grows with each failed attempt
    #[arg(long, value_name = "NUMBER", default_value_t = 1.3, value_parser = numbers::number)]
    pub(crate) factor: f64,

    /// Back-off: longest delay
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(crate) max_delay: Duration,

    /// Back-off: random part of each delay
    #[arg(long, value_name = "HOW", default_value = "full")]
    pub(crate) jitter: JitterArg,

    /// Give up after this many attempts in a row without a useful connection [default: never]
    #[arg(long, value_name = "COUNT", value_parser = numbers::at_least(1_u32))]
    pub(crate) max_attempts: Option<u32>,

    /// Give up after this long without a useful connection [default: never]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_elapsed: Option<Duration>,

    /// Heartbeat: ping after this much silence in either direction, and once after 3 s on a quiet new connection;
    /// 'off' sends no pings
    #[arg(long, value_name = "DURATION", default_value = "25s", value_parser = values::duration_or_off)]
    pub(crate) heartbeat_interval: OrOff,

    /// Heartbeat: disconnect when nothing is received for this long after a ping
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub(crate) heartbeat_timeout: Duration,

    /// Heartbeat: keep the interval as it is. Otherwise it becomes shorter, down to 5 s, when connections are lost
    /// after shorter idle times
    #[arg(long)]
    pub(crate) fixed_heartbeat: bool,

    /// Add this header to the opening request, 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<values::Header>,
}

/// Credentials that are fetched again for every attempt.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TokenArgs {
    /// Send the content of this file as bearer token; it is read for each attempt
    #[arg(long, value_name = "FILE", conflicts_with = "token_command")]
    pub(crate) bearer_file: Option<std::path::PathBuf>,

    /// Send the output of this shell command as bearer token; it is run for each attempt, and killed when the attempt
    /// times out
    #[arg(long, value_name = "COMMAND")]
    pub(crate) token_command: Option<String>,
}

impl ConnectionArgs {
    /// Puts the options into the settings of a client.
    pub(crate) fn apply(&self, builder: everwire::Builder) -> everwire::Builder {
        let mut builder = builder
            .connect_timeout(self.connect_timeout)
            .initial_delay(self.initial_delay)
            .backoff_factor(self.factor)
            .max_delay(self.max_delay)
            .jitter(self.jitter.into())
            .heartbeat_interval(self.heartbeat_interval.0)
            .heartbeat_timeout(self.heartbeat_timeout)
            .adaptive_heartbeat(!self.fixed_heartbeat);
        if let Some(attempts) = self.max_attempts {
            builder = builder.max_attempts(attempts);
        }
        if let Some(elapsed) = self.max_elapsed {
            builder = builder.max_elapsed(elapsed);
        }
        for header in &self.headers {
            builder = builder.header(&header.name, &header.value);
        }
        // Without hints about the network, the heartbeat notices a change, only later.
        match NetworkHints::of_the_system() {
            Ok(hints) => builder.network_hints(hints),
            Err(_) => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use everwire::{Config, Jitter};

    use super::ConnectionArgs;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    #[test]
    fn the_defaults_that_the_help_shows_are_those_of_the_library() {
        let shown = Alone::parse_from(["test"]).connection;
        let config = Config::default();
        assert_eq!(shown.connect_timeout, config.open.timeout);
        assert_eq!(shown.initial_delay, config.retry.initial_delay);
        assert!((shown.factor - config.retry.factor).abs() < f64::EPSILON);
        assert_eq!(shown.max_delay, config.retry.max_delay);
        assert_eq!(Jitter::from(shown.jitter), config.retry.jitter);
        assert_eq!(shown.max_attempts, config.retry.max_attempts);
        assert_eq!(shown.max_elapsed, config.retry.max_elapsed);
        assert_eq!(shown.heartbeat_interval.0, config.heartbeat.interval);
        assert_eq!(shown.heartbeat_timeout, config.heartbeat.timeout);
        assert_eq!(!shown.fixed_heartbeat, config.heartbeat.adaptive);
    }
}
