//! From settings to a running client.

use std::mem;
use std::sync::Arc;

use everwire_core::session::SUBPROTOCOL;
use everwire_core::{Input, Machine, Moment};
#[cfg(not(target_arch = "wasm32"))]
use everwire_ws::handshake::HeaderCase;
#[cfg(not(target_arch = "wasm32"))]
use http::{HeaderMap, HeaderName, HeaderValue, header::HOST};
#[cfg(not(target_arch = "wasm32"))]
use tokio::runtime::Handle;

#[cfg(not(target_arch = "wasm32"))]
use super::network::variable;
use super::{BuildError, Builder};
use crate::Client;
#[cfg(not(target_arch = "wasm32"))]
use crate::driver::Tls;
#[cfg(target_arch = "wasm32")]
use crate::driver::browser;
use crate::driver::{Driver, Plan};
use crate::inbox::{Bounds, Reading};
use crate::metrics::Meter;
#[cfg(not(target_arch = "wasm32"))]
use crate::network_hints::NetworkHints;
use crate::shared::Shared;
use crate::store::{Saved, StoreError, StoreErrorKind, StoreThread};
use crate::sync::unix_ms;
use crate::target::Target;

impl Builder {
    /// Checks all settings and starts the client on the current tokio runtime, or in a page on its event loop. It
    /// connects in the background: a server that can't be reached is no error here, but shows in the
    /// [state](crate::Client::watch_state).
    ///
    /// # Errors
    ///
    /// [`BuildError`]; nothing has been started then.
    pub fn build(mut self) -> Result<Client, BuildError> {
        #[cfg(target_arch = "wasm32")]
        self.prepare_page()?;
        if self.on_open.is_some() && self.config.session.is_some() {
            return Err(super::setting(
                "on_open",
                "can't be combined with a session, whose hello goes first on a connection",
            ));
        }
        #[cfg(feature = "calls")]
        if self.calls.is_some() && self.config.session.is_none() {
            return Err(super::setting("calls", "requires a session: add session(SessionMode::Require)"));
        }
        let reading = self.prepare_session();
        #[cfg(feature = "calls")]
        let calls = (self.calls.take(), self.config.session.as_ref().map(|session| session.limits.message_bytes));
        #[cfg(feature = "calls")]
        let max_sent = self.config.outbox.max_bytes;
        #[cfg(not(target_arch = "wasm32"))]
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let target = Target::parse(&self.url).map_err(BuildError::Url)?;
        check_inbox(self.inbox)?;
        let (url, server) = (target.for_log(), target.host_and_port());
        let text_pings = self.text_pings.is_some();
        let plan = self.plan(target)?;
        self.config.retry.budgeted = self.budget.is_some();
        if let Some(rate) = &mut self.config.send_rate {
            rate.pings_count |= text_pings;
        }

        let timed = self.config.batching.is_some() || self.config.outbox.max_age.is_some();
        let (seed, mut saved) = (seed()?, Saved::default());
        let store = match self.store {
            None => None,
            Some(mut store) => {
                saved = store.load().map_err(BuildError::Store)?;
                Some(store)
            }
        };
        let recovered: Vec<_> = saved.messages.iter().map(|kept| (kept.id, kept.message.clone())).collect();
        let machine = match store.is_some() {
            true => Machine::restore(self.config, seed, saved, Moment::ZERO, unix_ms()),
            false => Machine::new(self.config, seed),
        };
        let machine = machine.map_err(BuildError::Setting)?;
        let store = store.map(StoreThread::start).transpose().map_err(|error| {
            BuildError::Store(
                StoreError::new(StoreErrorKind::Io, "no thread can be started for the store").because(error),
            )
        })?;
        let shared = Arc::new(Shared::new(machine, timed, self.inbox, reading, recovered));
        #[cfg(feature = "calls")]
        {
            let [seed, ..] = seed.as_chunks::<8>().0 else { return Err(BuildError::NoRandomness(String::new())) };
            let (handlers, limit) = calls;
            let (reads, max_message) =
                (handlers.is_some(), limit.map_or(usize::MAX, |limit| limit.try_into().unwrap_or(usize::MAX)));
            let seed = u64::from_le_bytes(*seed);
            shared.calls.prepare(handlers.unwrap_or_default(), seed, limit.is_some(), max_sent, max_message, &server);
            if reads {
                shared.calls();
            }
        }
        if self.connect {
            shared.tell(Input::Connect);
        }
        let driver = Driver::new(Arc::clone(&shared), plan, url, store, Meter::new(server), self.budget);
        #[cfg(not(target_arch = "wasm32"))]
        runtime.spawn(driver);
        #[cfg(target_arch = "wasm32")]
        wasm_bindgen_futures::spawn_local(driver);
        Ok(Client::new(shared))
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn plan(&mut self, target: Target) -> Result<Plan, BuildError> {
        let tls = Tls::new(mem::take(&mut self.tls)).map_err(BuildError::Tls)?;
        if target.is_secure() {
            tls.prepare().map_err(BuildError::Tls)?;
        }
        let network = mem::take(&mut self.network);
        let hints = network.hints.as_ref().map(NetworkHints::listen);
        let plan = Plan {
            max_redirects: network.max_redirects,
            fragment_above: network.fragment_above,
            routes: network.routes(&target, tls, variable)?,
            target,
            headers: headers(&self.headers)?,
            header_case: HeaderCase::new(self.headers.iter().map(|(name, _)| name)),
            subprotocols: mem::take(&mut self.subprotocols),
            hook: self.hook.take(),
            on_open: self.on_open.take(),
            text_pings: self.text_pings.take(),
            websocket: self.websocket.clone(),
            hints,
        };
        plan.check().map_err(BuildError::Header)?;
        Ok(plan)
    }

    #[cfg(target_arch = "wasm32")]
    fn plan(&mut self, target: Target) -> Result<Plan, BuildError> {
        let text_pings = self.text_pings.take();
        let subprotocols = mem::take(&mut self.subprotocols);
        let (hook, on_open, factory) = (self.hook.take(), self.on_open.take(), self.factory.take());
        Ok(Plan { target, subprotocols, hook, on_open, text_pings, factory })
    }

    /// What a page is not allowed, and what follows.
    #[cfg(target_arch = "wasm32")]
    fn prepare_page(&mut self) -> Result<(), BuildError> {
        if !self.headers.is_empty() {
            return Err(BuildError::Header(browser::NO_HEADERS.to_owned()));
        }
        let pings = self.factory.as_ref().is_some_and(browser::SocketFactory::can_ping);
        if self.config.session.is_none() && self.text_pings.is_none() && !pings {
            self.config.heartbeat.interval = None;
            self.config.guarantee = everwire_core::Guarantee::Unproven;
        }
        Ok(())
    }
}

/// Room for what goes before a payload in the same frame.
const PREFIX: usize = 32;

impl Builder {
    /// What a session implies for the rest.
    fn prepare_session(&mut self) -> Reading {
        let Some(session) = &mut self.config.session else { return Reading::Plain };
        session.limits.messages = u32::try_from(self.inbox.messages).unwrap_or(u32::MAX);
        session.limits.bytes = self.inbox.bytes as u64;
        // A server sends each message in one frame.
        let everwire_ws::Limits { max_frame, max_message, .. } = self.websocket.limits;
        session.limits.message_bytes = max_frame.min(max_message).saturating_sub(PREFIX) as u64;
        if !self.subprotocols.iter().any(|name| name == SUBPROTOCOL) {
            self.subprotocols.insert(0, SUBPROTOCOL.to_owned());
        }
        Reading::Session { manual_acks: self.manual_acks }
    }
}

fn check_inbox(bounds: Bounds) -> Result<(), BuildError> {
    let setting = match bounds {
        Bounds { messages: 0, .. } => "inbox.messages",
        Bounds { bytes: 0, .. } => "inbox.bytes",
        _ => return Ok(()),
    };
    Err(super::setting(setting, "must be at least 1, or nothing could ever be received"))
}

#[cfg(not(target_arch = "wasm32"))]
fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        // The value is not repeated: it may be secret.
        let parsed = name
            .parse::<HeaderName>()
            .map_err(|_| BuildError::Header(format!("`{}` is not a header's name", name.escape_debug())))?;
        if parsed == HOST && value.trim().is_empty() {
            return Err(BuildError::Header("the header `Host` is empty: it names whom the request is for".to_owned()));
        }
        let value = value.parse::<HeaderValue>().map_err(|_| {
            BuildError::Header(format!(
                "the value of header `{name}` contains a line break or another control character"
            ))
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

pub(super) fn seed() -> Result<[u8; 32], BuildError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| BuildError::NoRandomness(error.to_string()))?;
    Ok(seed)
}
