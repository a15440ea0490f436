//! What a client is built from: the package's options, which `bindings/js/src/socket.d.ts` documents.

use std::rc::Rc;
use std::time::Duration;

use everwire::store::WebStore;
use everwire::{
    AdviceOverride, Batching, Builder, CauseMatch, Client, Guarantee, Jitter, OnNormalClose, Overflow, SendRate,
    SessionMode, SocketFactory,
};
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::hooks::Hooks;
use crate::kept::Kept;

/// The subprotocol of sessions.
const SESSION: &str = "everwire.v1";

/// The error says what is wrong.
pub(crate) fn builder(url: &str, given: &JsValue, hooks: &Rc<Hooks>) -> Result<Builder, String> {
    let mut builder = Client::builder(url).manual_acks(true);
    if let Some(make) = hooks.function("socket") {
        builder = builder.socket_factory(SocketFactory::new(make).pings(flag(given, "pings")));
    }
    for protocol in array(given, "protocols").into_iter().filter_map(|name| name.as_string()) {
        builder = builder.subprotocol(protocol);
    }
    builder = session(builder, given)?;
    builder = retry(builder, given)?;
    builder = heartbeat(builder, given);
    builder = outbox(builder, given)?;
    builder = called(builder, hooks);
    if let Some(limit) = duration(given, "connectTimeout") {
        builder = builder.connect_timeout(limit);
    }
    if let Some(rate) = number(given, "sendRate") {
        builder = builder.send_rate(SendRate::per_second(rate));
    }
    if let Some(window) = duration(given, "batchWindow") {
        let mut batching = Batching::default();
        batching.window = window;
        builder = builder.batching(batching);
    }
    Ok(builder)
}

fn session(builder: Builder, given: &JsValue) -> Result<Builder, String> {
    Ok(match text(given, "session").as_deref() {
        None => builder,
        Some("require") => builder.session(SessionMode::Require),
        Some("prefer") => builder.session(SessionMode::Prefer),
        Some(other) => return Err(format!("session is \"require\" or \"prefer\", not \"{other}\"")),
    })
}

fn retry(mut builder: Builder, given: &JsValue) -> Result<Builder, String> {
    if let Some(delay) = duration(given, "minDelay") {
        builder = builder.initial_delay(delay);
    }
    if let Some(delay) = duration(given, "maxDelay") {
        builder = builder.max_delay(delay);
    }
    if let Some(factor) = number(given, "delayFactor") {
        builder = builder.backoff_factor(factor);
    }
    builder = match text(given, "jitter").as_deref() {
        None => builder,
        Some("none") => builder.jitter(Jitter::None),
        Some("full") => builder.jitter(Jitter::Full),
        Some(other) => return Err(format!("jitter is \"full\" or \"none\", not \"{other}\"")),
    };
    if let Some(attempts) = number(given, "maxAttempts") {
        builder = builder.max_attempts(attempts as u32);
    }
    if let Some(elapsed) = duration(given, "maxElapsed") {
        builder = builder.max_elapsed(elapsed);
    }
    if flag(given, "reconnectOnNormalClose") {
        builder = builder.on_normal_close(OnNormalClose::Reconnect);
    }
    for (name, advice) in [("retryCodes", AdviceOverride::Retry), ("stopCodes", AdviceOverride::Stop)] {
        for code in array(given, name).into_iter().filter_map(|code| code.as_f64()) {
            let code = code as u16;
            let matches = if code < 1000 { CauseMatch::Status(code) } else { CauseMatch::CloseCode(code) };
            builder = builder.override_advice(matches, advice);
        }
    }
    Ok(builder)
}

fn heartbeat(mut builder: Builder, given: &JsValue) -> Builder {
    if let Some(interval) = duration(given, "heartbeatInterval") {
        builder = builder.heartbeat_interval(Some(interval).filter(|interval| *interval < Duration::MAX));
    }
    if let Some(timeout) = duration(given, "heartbeatTimeout") {
        builder = builder.heartbeat_timeout(timeout);
    }
    if let (Some(ping), Some(pong)) = (text(given, "textPing"), text(given, "textPong")) {
        builder = builder.text_pings(ping, pong);
    }
    builder
}

fn outbox(mut builder: Builder, given: &JsValue) -> Result<Builder, String> {
    if let Some(messages) = number(given, "outboxMessages") {
        builder = builder.outbox_messages(messages as usize);
    }
    if let Some(bytes) = number(given, "outboxBytes") {
        builder = builder.outbox_bytes(bytes as usize);
    }
    if let (Some(messages), Some(bytes)) = (number(given, "inboxMessages"), number(given, "inboxBytes")) {
        builder = builder.inbox(messages as usize, bytes as usize);
    }
    if let Some(age) = duration(given, "maxAge") {
        builder = builder.max_age(age);
    }
    builder = match text(given, "overflow").as_deref() {
        None | Some("reject") => builder,
        Some("drop-oldest") => builder.overflow(Overflow::DropOldest),
        Some("drop-newest") => builder.overflow(Overflow::DropNewest),
        Some("drop-lowest-priority") => builder.overflow(Overflow::DropLowestPriority),
        Some(other) => return Err(format!("overflow is no \"{other}\"")),
    };
    builder = match text(given, "guarantee").as_deref() {
        None | Some("at-most-once") => builder,
        Some("at-least-once") => builder.guarantee(Guarantee::AtLeastOnce),
        Some("unproven") => builder.guarantee(Guarantee::Unproven),
        Some(other) => return Err(format!("guarantee is no \"{other}\"")),
    };
    if let Some(name) = text(given, "store") {
        builder = builder.store(WebStore::among(Kept::new(given), name));
    }
    Ok(builder)
}

/// The user's own functions.
fn called(mut builder: Builder, hooks: &Rc<Hooks>) -> Builder {
    if hooks.function("request").is_some() {
        let hooks = Rc::clone(hooks);
        builder = builder.before_attempt(move |mut request| {
            let hooks = Rc::clone(&hooks);
            async move {
                let cause = request.last_cause.as_ref().map(ToString::to_string);
                let asked = hooks.request(request.attempt, cause).await?;
                if let Some(url) = asked.url {
                    request.url = url.parse().map_err(|error| format!("`{url}` is not a URL: {error}"))?;
                }
                if let Some(protocols) = asked.protocols {
                    // A session's own stays where it is offered.
                    request.subprotocols.retain(|name| name == SESSION);
                    request.subprotocols.extend(protocols.into_iter().filter(|name| name != SESSION));
                }
                Ok(request)
            }
        });
    }
    if hooks.function("open").is_some() {
        let hooks = Rc::clone(hooks);
        builder = builder.on_open(move |connection| {
            let hooks = Rc::clone(&hooks);
            async move { hooks.open(connection).await }
        });
    }
    builder
}

fn get(given: &JsValue, name: &str) -> JsValue {
    Reflect::get(given, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

pub(crate) fn text(given: &JsValue, name: &str) -> Option<String> {
    get(given, name).as_string()
}

fn number(given: &JsValue, name: &str) -> Option<f64> {
    get(given, name).as_f64()
}

fn flag(given: &JsValue, name: &str) -> bool {
    get(given, name).is_truthy()
}

/// From milliseconds; infinity is for ever.
pub(crate) fn duration(given: &JsValue, name: &str) -> Option<Duration> {
    let milliseconds = number(given, name)?;
    Some(Duration::try_from_secs_f64(milliseconds.max(0.0) / 1e3).unwrap_or(Duration::MAX))
}

fn array(given: &JsValue, name: &str) -> Vec<JsValue> {
    get(given, name).dyn_into::<Array>().map(|array| array.to_vec()).unwrap_or_default()
}
