//! Every setting, once for all languages.
//!
//! - [`Settings`]: names, units, defaults
//! - [`Value`]: a setting as another language gives it, for [`Settings::set`]
//! - `apply`: from settings to a builder

mod apply;
mod value;

use crate::Payload;
use crate::plain_enum::plain_enum;

pub(crate) use value::FromValue;
pub use value::Value;

pub(crate) use apply::Asks;

plain_enum! {
    /// How delays between attempts are spread, so that many clients do not return at once.
    pub enum Jitter {
        /// Over the whole delay.
        Full = "full",
        /// From half the delay up to it.
        Equal = "equal",
        /// Not at all.
        None = "none",
    }
}

plain_enum! {
    /// What happens to a message for which the outbox has no room.
    pub enum Overflow {
        /// `send` refuses it.
        Reject = "reject",
        /// Those that have waited longest are dropped.
        DropOldest = "drop_oldest",
        /// The new one is dropped.
        DropNewest = "drop_newest",
        /// Those of the lowest priority are dropped.
        DropLowestPriority = "drop_lowest_priority",
    }
}

plain_enum! {
    /// How far delivery is proven without a session, and what happens to the unproven when a connection is lost.
    pub enum Guarantee {
        /// Nothing is proven.
        Unproven = "unproven",
        /// Arrival is proven; the unproven end as unknown and are never sent twice.
        AtMostOnce = "at_most_once",
        /// Arrival is proven; the unproven are sent again.
        AtLeastOnce = "at_least_once",
    }
}

plain_enum! {
    /// Whether there is a session, which outlives connections.
    pub enum SessionUse {
        /// None: for servers of any kind.
        Off = "off",
        /// One if the server speaks `everwire.v1`.
        Prefer = "prefer",
        /// A server that does not speak `everwire.v1` is refused.
        Require = "require",
    }
}

/// A header of the opening request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value. It never shows in errors or logs.
    pub value: String,
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header").field("name", &self.name).finish_non_exhaustive()
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// Every setting of a client. `None` means off, or no limit, as each says.
        #[derive(Clone, PartialEq)]
        pub struct Settings { $($(#[$doc])* pub $name: $type,)* }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Settings {
            /// The names of all settings.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Sets one setting by its name, as a language without records does. `Value::Null` is "off" or "no limit" where
            /// there is such a value.
            ///
            /// # Errors
            /// [`Error::Setting`](crate::Error::Setting) if there is no setting of this name, or the value is not one for
            /// it; nothing is changed then.
            pub fn set(&mut self, name: &str, value: Value) -> Result<(), crate::Error> {
                match name {
                    $(stringify!($name) => self.$name = value_of(name, value)?,)*
                    _ => return Err(crate::Error::setting(name, "there is no such setting")),
                }
                Ok(())
            }
        }
    };
}

fn value_of<T: FromValue>(name: &str, value: Value) -> Result<T, crate::Error> {
    T::from_value(value).map_err(|expected| crate::Error::setting(name, format!("must be {expected}")))
}

settings! {
    /// The server's `ws` or `wss` URLs, the preferred one first: each attempt after a failure goes to the next one, and a
    /// connection that was useful starts again with the first. At least one.
    urls: Vec<String> = Vec::new();
    /// Headers of the opening request. Default none. Not in a page.
    headers: Vec<Header> = Vec::new();
    /// Subprotocols to offer, the preferred one first. Default none.
    subprotocols: Vec<String> = Vec::new();
    /// Whether the client connects when it is started. Default true.
    connect_on_start: bool = true;
    /// How long a whole opening may take, in milliseconds. Default 10,000.
    connect_timeout_ms: u64 = 10_000;

    /// Delay before the first retry, in milliseconds. Default 1,000.
    retry_initial_delay_ms: u64 = 1_000;
    /// The longest delay, in milliseconds. Default 10,000.
    retry_max_delay_ms: u64 = 10_000;
    /// What each further delay is multiplied by, at least 1. Default 1.3.
    retry_factor: f64 = 1.3;
    /// How delays are spread. Default full.
    retry_jitter: Jitter = Jitter::Full;
    /// Attempts without a useful connection after which the client gives up, at least 1. Default none: no limit.
    retry_max_attempts: Option<u32> = None;
    /// Time without a useful connection after which the client gives up, in milliseconds. Default none: no limit.
    retry_max_elapsed_ms: Option<u64> = None;
    /// HTTP statuses (100 to 599) and close codes (1000 to 4999) after which it tries again, though usually it would not.
    retry_on: Vec<u16> = Vec::new();
    /// HTTP statuses and close codes after which it ends, though usually it would try again.
    stop_on: Vec<u16> = Vec::new();
    /// Whether it tries again after a close with 1000. Default false: that ends the client.
    reconnect_on_normal_close: bool = false;

    /// Silence after which the peer is asked for a sign of life, in milliseconds. Default 25,000; none: no heartbeat.
    heartbeat_interval_ms: Option<u64> = Some(25_000);
    /// Further silence after which it counts as dead, in milliseconds. Default 10,000.
    heartbeat_timeout_ms: u64 = 10_000;
    /// Whether connections that are lost while idle teach a shorter interval. Default true.
    heartbeat_adaptive: bool = true;
    /// A text message that the server answers by `text_pong`, in place of the protocol's pings: both or neither. Default none.
    text_ping: Option<String> = None;
    /// The answer to `text_ping`; it is not among the received messages. Default none.
    text_pong: Option<String> = None;

    /// Messages that may wait for sending or for evidence, at least 1. Default 65,536.
    outbox_messages: u64 = 65_536;
    /// Payload bytes of those. Default 16,777,216.
    outbox_bytes: u64 = 16 << 20;
    /// What happens to a message for which there is no room. Default: it is refused.
    outbox_overflow: Overflow = Overflow::Reject;
    /// How long a message may wait to be sent, in milliseconds. Default none: as long as it takes.
    outbox_max_age_ms: Option<u64> = None;
    /// Where the outbox is kept so that it outlives the process: the path of a file, in a page a name in `localStorage`. One
    /// client at a time. Default none: in memory only.
    outbox_file: Option<String> = None;
    /// How far delivery is proven without a session. Default at most once.
    guarantee: Guarantee = Guarantee::AtMostOnce;
    /// Messages a second at most, from 0.001 to 1,000,000. Default none: as fast as the connection takes them.
    send_rate_per_second: Option<f64> = None;
    /// With a send rate, messages that may go out at once after a pause. Default 1.
    send_rate_burst: u32 = 1;
    /// Whether outcomes are collected for `next_outcomes`. Switch it off if nobody asks for them. Default true.
    outcomes: bool = true;

    /// Whether there is a session. Default off.
    session: SessionUse = SessionUse::Off;
    /// In a session, received messages count as processed when `acknowledge` says so, not when the next ones are asked for.
    /// Default false.
    manual_acks: bool = false;

    /// Received messages that may wait to be fetched, at least 1. Default 1,024.
    inbox_messages: u64 = 1_024;
    /// Payload bytes of those. Default 16,777,216.
    inbox_bytes: u64 = 16 << 20;
    /// The largest message that is accepted from the server, in bytes. Default 67,108,864.
    max_message_bytes: u64 = 64 << 20;

    /// Messages that go first on each new connection, before anything that waits: a login, a subscription. Default none. Not
    /// in a session.
    on_open: Vec<Payload> = Vec::new();
    /// Whether the program is asked on each new connection, by a [`StepKind::Opening`](crate::StepKind::Opening), before
    /// anything that waits is sent. After the messages of `on_open`. Default false. Not in a session.
    ask_on_open: bool = false;
    /// Whether the program is asked before each attempt, by a [`StepKind::Attempt`](crate::StepKind::Attempt), where to
    /// connect and with which headers: for fresh credentials. A 401 is then tried again. Default false.
    ask_before_attempt: bool = false;

    /// The proxy: a URL (`http`, `https`, `socks5`, `socks5h`), or `none`. Default: what the environment says. Not in a page.
    proxy: Option<String> = None;
    /// Whether to offer permessage-deflate. Default false. Not in a page, where the browser decides.
    compression: bool = false;
    /// Further roots to trust, in PEM or DER. Default none. Not in a page.
    root_certificates: Vec<Vec<u8>> = Vec::new();
    /// Public keys of which the server must have one, as `sha256/BASE64`. Default none. Not in a page.
    pins: Vec<String> = Vec::new();
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URLs, headers and what goes first may hold secrets.
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_by_its_name_and_a_wrong_value_is_refused_with_what_is_allowed() {
        let mut settings = Settings::default();
        settings.set("retry_initial_delay_ms", Value::Number(200.0)).unwrap();
        settings.set("heartbeat_interval_ms", Value::Null).unwrap();
        settings.set("session", Value::Text("require".into())).unwrap();
        settings.set("urls", Value::List(vec![Value::Text("ws://a/".into())])).unwrap();
        settings.set("headers", Value::Pairs(vec![("a".into(), "b".into())])).unwrap();
        assert_eq!((settings.retry_initial_delay_ms, settings.heartbeat_interval_ms), (200, None));
        assert_eq!(settings.session, SessionUse::Require);
        assert_eq!((settings.urls.len(), settings.headers.len()), (1, 1));

        for (name, value, problem) in [
            ("retry_initial_delay", Value::Null, "there is no such setting"),
            ("retry_initial_delay_ms", Value::Number(-1.0), "must be a whole number from 0 up"),
            ("retry_initial_delay_ms", Value::Number(0.5), "must be a whole number from 0 up"),
            ("retry_max_attempts", Value::Text("3".into()), "must be a whole number from 0 up, or null"),
            ("session", Value::Text("yes".into()), "must be one of off, prefer, require"),
        ] {
            let error = settings.set(name, value).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: {problem}"));
        }
    }

    #[test]
    fn defaults_are_those_that_the_client_has_by_itself() {
        let settings = Settings { urls: vec!["ws://127.0.0.1:9/".into()], ..Settings::default() };
        let config = everwire::Config::default();
        assert_eq!(u128::from(settings.retry_initial_delay_ms), config.retry.initial_delay.as_millis());
        assert_eq!(u128::from(settings.retry_max_delay_ms), config.retry.max_delay.as_millis());
        assert_eq!(settings.retry_factor, config.retry.factor);
        assert_eq!(u128::from(settings.connect_timeout_ms), config.open.timeout.as_millis());
        assert_eq!(settings.heartbeat_interval_ms.map(u128::from), config.heartbeat.interval.map(|it| it.as_millis()));
        assert_eq!(u128::from(settings.heartbeat_timeout_ms), config.heartbeat.timeout.as_millis());
        assert_eq!(settings.outbox_messages, config.outbox.max_messages as u64);
        assert_eq!(settings.outbox_bytes, config.outbox.max_bytes as u64);
        assert!(!format!("{settings:?}").contains("127"), "a URL may hold a secret");
    }
}
