//! From settings to a builder.

use std::sync::Arc;
use std::time::Duration;

use everwire::{
    AdviceOverride, AttemptRequest, Builder, CauseMatch, Client, Limits, NewConnection, OnNormalClose, SendRate,
    SessionMode,
};

use super::{Guarantee, Jitter, Overflow, SessionUse, Settings};
use crate::Error;
use crate::step::Steps;

/// What is asked while an attempt is under way.
pub(crate) struct Asks {
    pub(crate) steps: Arc<Steps>,
}

impl Settings {
    /// A builder that does not connect by itself.
    pub(crate) fn builder(mut self, asks: &Asks) -> Result<Builder, Error> {
        let (Some(first), false) = (self.urls.first(), self.urls.iter().any(String::is_empty)) else {
            return Err(Error::setting("urls", "at least one is needed, and none may be empty"));
        };
        let mut builder = Client::builder(first).connect_on_build(false);
        for (index, url) in self.urls.iter().enumerate() {
            url.parse::<everwire::http::Uri>()
                .map_err(|_| Error::setting("urls", format!("number {} is not a URL", index + 1)))?;
        }
        for name in &self.subprotocols {
            builder = builder.subprotocol(name);
        }
        builder = self.retries(builder)?;
        builder = self.heartbeat(builder)?;
        builder = self.messages(builder)?;
        builder = self.platform(builder)?;
        Ok(self.hooks(builder, asks))
    }

    fn retries(&self, mut builder: Builder) -> Result<Builder, Error> {
        builder = builder
            .connect_timeout(millis(self.connect_timeout_ms))
            .initial_delay(millis(self.retry_initial_delay_ms))
            .max_delay(millis(self.retry_max_delay_ms))
            .backoff_factor(self.retry_factor)
            .jitter(match self.retry_jitter {
                Jitter::Full => everwire::Jitter::Full,
                Jitter::Equal => everwire::Jitter::Equal,
                Jitter::None => everwire::Jitter::None,
            });
        if let Some(attempts) = self.retry_max_attempts {
            builder = builder.max_attempts(attempts);
        }
        if let Some(elapsed) = self.retry_max_elapsed_ms {
            builder = builder.max_elapsed(millis(elapsed));
        }
        for (codes, name, advice) in
            [(&self.retry_on, "retry_on", AdviceOverride::Retry), (&self.stop_on, "stop_on", AdviceOverride::Stop)]
        {
            for code in codes {
                builder = builder.override_advice(cause(name, *code)?, advice);
            }
        }
        if self.urls.len() > 1
            && !self.ask_before_attempt
            && !self.retry_on.contains(&401)
            && !self.stop_on.contains(&401)
        {
            // The addresses are told by a hook, and a client with a hook hopes for better credentials; there are none.
            builder = builder.override_advice(CauseMatch::Status(401), AdviceOverride::Stop);
        }
        if self.reconnect_on_normal_close {
            builder = builder.on_normal_close(OnNormalClose::Reconnect);
        }
        Ok(builder)
    }

    fn heartbeat(&mut self, mut builder: Builder) -> Result<Builder, Error> {
        builder = builder
            .heartbeat_interval(self.heartbeat_interval_ms.map(millis))
            .heartbeat_timeout(millis(self.heartbeat_timeout_ms))
            .adaptive_heartbeat(self.heartbeat_adaptive);
        match (self.text_ping.take(), self.text_pong.take()) {
            (Some(ping), Some(pong)) => Ok(builder.text_pings(ping, pong)),
            (None, None) => Ok(builder),
            (Some(_), None) => Err(Error::setting("text_pong", "needed beside text_ping: what the server answers")),
            (None, Some(_)) => Err(Error::setting("text_ping", "needed beside text_pong: what the server is asked")),
        }
    }

    fn messages(&self, mut builder: Builder) -> Result<Builder, Error> {
        let max = count("max_message_bytes", self.max_message_bytes)?;
        builder = builder
            .outbox_messages(count("outbox_messages", self.outbox_messages)?)
            .outbox_bytes(count("outbox_bytes", self.outbox_bytes)?)
            .inbox(count("inbox_messages", self.inbox_messages)?, count("inbox_bytes", self.inbox_bytes)?)
            .limits(Limits { max_frame: max, max_message: max, ..Limits::default() })
            .overflow(match self.outbox_overflow {
                Overflow::Reject => everwire::Overflow::Reject,
                Overflow::DropOldest => everwire::Overflow::DropOldest,
                Overflow::DropNewest => everwire::Overflow::DropNewest,
                Overflow::DropLowestPriority => everwire::Overflow::DropLowestPriority,
            })
            .guarantee(match self.guarantee {
                Guarantee::Unproven => everwire::Guarantee::Unproven,
                Guarantee::AtMostOnce => everwire::Guarantee::AtMostOnce,
                Guarantee::AtLeastOnce => everwire::Guarantee::AtLeastOnce,
            });
        if let Some(age) = self.outbox_max_age_ms {
            builder = builder.max_age(millis(age));
        }
        if let Some(rate) = self.send_rate_per_second {
            builder = builder.send_rate(SendRate::per_second(rate).burst(self.send_rate_burst));
        }
        // What counts as processed is said here, when the other language has come for the next batch.
        builder = match self.session {
            SessionUse::Off => builder,
            SessionUse::Prefer => builder.session(SessionMode::Prefer).manual_acks(true),
            SessionUse::Require => builder.session(SessionMode::Require).manual_acks(true),
        };
        Ok(builder)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn platform(&mut self, mut builder: Builder) -> Result<Builder, Error> {
        for header in &self.headers {
            builder = builder.header(&header.name, &header.value);
        }
        builder = match self.proxy.take() {
            None => builder,
            Some(none) if none == "none" => builder.no_proxy(),
            Some(url) => builder.proxy(url),
        };
        if self.compression {
            builder = builder.compression(everwire::Deflate::default());
        }
        for certificate in self.root_certificates.drain(..) {
            builder = builder.root_certificate(certificate);
        }
        for pin in &self.pins {
            builder = builder.pin(pin);
        }
        match self.outbox_file.take() {
            None => Ok(builder),
            Some(path) => match everwire::store::SqliteStore::open(path) {
                Ok(store) => Ok(builder.store(store)),
                Err(error) => Err(Error::setting("outbox_file", error.to_string())),
            },
        }
    }

    #[cfg(target_arch = "wasm32")]
    fn platform(&mut self, builder: Builder) -> Result<Builder, Error> {
        for (setting, is_set) in [
            ("headers", !self.headers.is_empty()),
            ("proxy", self.proxy.is_some()),
            ("compression", self.compression),
            ("root_certificates", !self.root_certificates.is_empty()),
            ("pins", !self.pins.is_empty()),
        ] {
            if is_set {
                return Err(Error::setting(setting, "not in a page: the browser decides"));
            }
        }
        Ok(match self.outbox_file.take() {
            None => builder,
            Some(name) => builder.store(everwire::store::WebStore::open(name)),
        })
    }

    fn hooks(self, mut builder: Builder, asks: &Asks) -> Builder {
        let Self { urls, on_open, ask_on_open, ask_before_attempt, .. } = self;
        if ask_before_attempt || urls.len() > 1 {
            let steps = Arc::clone(&asks.steps);
            let urls: Arc<[String]> = urls.into();
            builder = builder.before_attempt(move |mut request: AttemptRequest| {
                let (steps, urls) = (Arc::clone(&steps), Arc::clone(&urls));
                async move {
                    let turn = request.attempt.saturating_sub(1) as usize % urls.len();
                    request.url = urls.get(turn).map_or(Ok(request.url), |url| url.parse())?;
                    if ask_before_attempt { steps.ask_attempt(request).await } else { Ok(request) }
                }
            });
        }
        if ask_on_open || !on_open.is_empty() {
            let steps = Arc::clone(&asks.steps);
            let first: Arc<[everwire::Message]> = on_open.into_iter().map(Into::into).collect();
            builder = builder.on_open(move |mut connection: NewConnection| {
                let (steps, first) = (Arc::clone(&steps), Arc::clone(&first));
                async move {
                    for message in first.iter() {
                        connection.send(message.clone()).await?;
                    }
                    if ask_on_open { steps.ask_opening(connection).await } else { Ok(()) }
                }
            });
        }
        builder
    }
}

fn millis(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn count(setting: &str, count: u64) -> Result<usize, Error> {
    match usize::try_from(count) {
        Ok(0) => Err(Error::setting(setting, "must be at least 1")),
        Ok(count) => Ok(count),
        Err(_) => Ok(usize::MAX),
    }
}

fn cause(setting: &str, code: u16) -> Result<CauseMatch, Error> {
    match code {
        100..=599 => Ok(CauseMatch::Status(code)),
        1000..=4999 => Ok(CauseMatch::CloseCode(code)),
        _ => {
            let problem = format!("{code} is neither an HTTP status (100 to 599) nor a close code (1000 to 4999)");
            Err(Error::setting(setting, problem))
        }
    }
}
