//! WebSockets that the browser's global constructor does not make.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WebSocket;

/// Makes the WebSockets of a client: for [`Builder::socket_factory`](crate::Builder::socket_factory).
///
/// It is for sockets that exist before the client does, and for runtimes whose global constructor is not the best that there
/// is: npm's `ws` in Node.js can ping.
#[derive(Clone)]
pub struct SocketFactory {
    make: Function,
    pings: bool,
}

impl SocketFactory {
    /// Calls `make(url, protocols)` for each attempt, which returns what has the interface of `WebSocket`: a socket that
    /// connects, and fires its events only after that call. Its `send` copies the bytes that it is given before it returns.
    ///
    /// A socket that knows why the server has refused the upgrade has the HTTP status as a property `refusedWith` when it fires
    /// `close`, and the seconds of a `Retry-After` as `retryAfter`: the client then decides as a native one does. One that knows when
    /// all that it had buffered is gone calls its property `ondrain()` then, and the client goes on writing at once; otherwise the
    /// client looks every 10 ms, as it has to with the browser's.
    #[must_use]
    pub fn new(make: Function) -> Self {
        Self { make, pings: false }
    }

    /// Sets whether the sockets have a method `ping(bytes)`, which sends a ping of the protocol, and call
    /// `onpong(bytes)` for each pong, with what it carries as a `Uint8Array`. Then these are the heartbeat and the
    /// evidence, as they are natively. Default: false.
    #[must_use]
    pub fn pings(mut self, pings: bool) -> Self {
        self.pings = pings;
        self
    }

    pub(crate) fn can_ping(&self) -> bool {
        self.pings
    }

    pub(super) fn make(&self, url: &str, protocols: &Array) -> Result<WebSocket, JsValue> {
        Ok(self.make.call2(&JsValue::NULL, &url.into(), protocols)?.unchecked_into())
    }
}

impl fmt::Debug for SocketFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketFactory").field("pings", &self.pings).finish_non_exhaustive()
    }
}

/// What a socket says of a refused upgrade.
pub(super) fn refusal(socket: &WebSocket) -> Option<(u16, Option<Duration>)> {
    let number = |name: &str| Reflect::get(socket, &name.into()).ok()?.as_f64();
    let status = number("refusedWith").filter(|status| (100.0..600.0).contains(status))? as u16;
    Some((status, number("retryAfter").and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())))
}

/// Hears that one socket has no more buffered.
pub(super) struct Drain {
    _on_drain: Closure<dyn FnMut()>,
}

impl Drain {
    pub(super) fn new(socket: &WebSocket, heard: impl FnMut() + 'static) -> Self {
        let on_drain = Closure::<dyn FnMut()>::new(heard);
        // Without the property the client looks for itself.
        let _ = Reflect::set(socket, &"ondrain".into(), on_drain.as_ref());
        Self { _on_drain: on_drain }
    }

    /// Hears it no more.
    pub(super) fn let_go(socket: &WebSocket) {
        // As the property was set before, so it can be now.
        let _ = Reflect::set(socket, &"ondrain".into(), &JsValue::NULL);
    }
}

/// What sends pings on one socket and hears its pongs.
pub(super) struct Pinger {
    ping: Option<Function>,
    _on_pong: Closure<dyn FnMut(JsValue)>,
}

impl Pinger {
    pub(super) fn new(socket: &WebSocket, mut heard: impl FnMut(Bytes) + 'static) -> Self {
        let on_pong = Closure::<dyn FnMut(JsValue)>::new(move |payload: JsValue| {
            heard(Uint8Array::new(&payload).to_vec().into());
        });
        // Without the property nothing is proven, as with a peer that answers no ping.
        let _ = Reflect::set(socket, &"onpong".into(), on_pong.as_ref());
        let ping = Reflect::get(socket, &"ping".into()).ok().and_then(|ping| ping.dyn_into().ok());
        Self { ping, _on_pong: on_pong }
    }

    /// Hears no pong any more.
    pub(super) fn let_go(socket: &WebSocket) {
        // As the property was set before, so it can be now.
        let _ = Reflect::set(socket, &"onpong".into(), &JsValue::NULL);
    }

    pub(super) fn ping(&self, socket: &WebSocket, payload: &[u8]) -> bool {
        self.ping.as_ref().is_some_and(|ping| ping.call1(socket, &Uint8Array::from(payload)).is_ok())
    }
}
