//! The browser's WebSocket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use everwire_ws::{CloseCode, CloseFrame, Message};
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::factory::{self, Drain, Pinger, SocketFactory};
use super::leaving::Leaving;
use super::turn::Turn;

/// A WebSocket of the browser. Dropped, it is closed, and nothing is heard of it any more.
pub(crate) struct Socket {
    socket: WebSocket,
    heard: Rc<RefCell<EventQueue>>,
    closing: bool,
    text_pings: Option<(String, String)>,
    pinger: Option<Pinger>,
    /// It is of another make than the browser's, which tells nobody when there is room, and hides with which status it was refused.
    drain: Option<Drain>,
    _turn: Option<Turn>,
    _leaving: Leaving,
    on_message: Closure<dyn FnMut(MessageEvent)>,
    on_open: Closure<dyn FnMut(Event)>,
    on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// What the browser has told.
#[derive(Debug)]
pub(super) enum SocketEvent {
    Message(Message),
    /// The answer to a ping of the protocol, with what that carried.
    Pong(Bytes),
    /// The end, with the peer's close frame if there was one; one without a code is `Some(None)`.
    Closed(Option<Option<CloseFrame>>),
}

#[derive(Default)]
struct EventQueue {
    told: VecDeque<SocketEvent>,
    /// Payload in `told`.
    bytes: usize,
    open: bool,
    overrun: bool,
    waker: Option<Waker>,
}

/// The browser asks nobody before it hands over a message. A server that goes on beyond what is agreed in a session, or
/// beyond all measure without one, loses the connection.
const MOST_MESSAGES: usize = 1 << 16;
const MOST_BYTES: usize = 128 << 20;

impl Socket {
    /// Starts to connect. The error is the browser's, in words.
    pub(super) fn connect(
        url: &str,
        subprotocols: &[String],
        text_pings: Option<(String, String)>,
        factory: Option<&SocketFactory>,
    ) -> Result<Self, String> {
        let names: Array = subprotocols.iter().map(|name| JsValue::from_str(name)).collect();
        let socket = match factory {
            None => WebSocket::new_with_str_sequence(url, &names),
            Some(factory) => factory.make(url, &names),
        };
        let socket = socket.map_err(|error| words(&error))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let heard = Rc::new(RefCell::new(EventQueue::default()));
        let turn = {
            let heard = Rc::clone(&heard);
            Turn::new(move || EventQueue::tell(&heard, |_| {}))
        };
        let on_open = {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(Event)>::new(move |_| EventQueue::tell(&heard, |heard| heard.open = true))
        };
        let on_message = {
            let heard = Rc::clone(&heard);
            let turn = turn.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(message) = message(&event.data()) {
                    let first = heard.borrow_mut().push(message);
                    if first && let Some(turn) = &turn {
                        turn.ask();
                    } else if first {
                        EventQueue::tell(&heard, |_| {});
                    }
                }
            })
        };
        let on_close = {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
                let frame = close_frame(event.code(), event.reason());
                EventQueue::tell(&heard, |heard| heard.told.push_back(SocketEvent::Closed(frame)));
            })
        };
        let pinger = factory.filter(|factory| factory.can_ping()).map(|_| {
            let (heard, turn) = (Rc::clone(&heard), turn.clone());
            Pinger::new(&socket, move |payload| {
                heard.borrow_mut().told.push_back(SocketEvent::Pong(payload));
                match &turn {
                    Some(turn) => turn.ask(),
                    None => EventQueue::tell(&heard, |_| {}),
                }
            })
        });
        let drain = factory.map(|_| {
            let heard = Rc::clone(&heard);
            Drain::new(&socket, move || EventQueue::tell(&heard, |_| {}))
        });
        // When the page comes back, the client connects again.
        let leaving = {
            let (socket, heard) = (socket.clone(), Rc::clone(&heard));
            Leaving::listen(move || {
                let_go(&socket);
                EventQueue::tell(&heard, |heard| heard.told.push_back(SocketEvent::Closed(None)));
            })
        };
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            heard,
            closing: false,
            text_pings,
            pinger,
            drain,
            _turn: turn,
            _leaving: leaving,
            on_message,
            on_open,
            on_close,
        })
    }

    /// Waits until it is open (`true`), or never will be.
    pub(super) fn poll_open(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut heard = self.heard.borrow_mut();
        match (heard.open, heard.told.is_empty()) {
            (true, _) => Poll::Ready(true),
            (false, false) => Poll::Ready(false),
            (false, true) => {
                heard.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// What asks for a sign of life on it, and what answers.
    pub(super) fn text_pings(&self) -> Option<(String, String)> {
        self.text_pings.clone()
    }

    /// Whether it can send pings of the protocol.
    pub(super) fn can_ping(&self) -> bool {
        self.pinger.is_some()
    }

    /// Sends a ping of the protocol. `false` once it is closing.
    pub(super) fn queue_ping(&mut self, payload: &[u8]) -> bool {
        self.is_open() && self.pinger.as_ref().is_some_and(|pinger| pinger.ping(&self.socket, payload))
    }

    /// The HTTP status with which the upgrade was refused, and after how long to try again, where the socket knows.
    pub(super) fn refusal(&self) -> Option<(u16, Option<Duration>)> {
        self.drain.as_ref().and_then(|_| factory::refusal(&self.socket))
    }

    /// The subprotocol that the server chose.
    pub(super) fn subprotocol(&self) -> Option<String> {
        Some(self.socket.protocol()).filter(|name| !name.is_empty())
    }

    pub(super) fn poll_told(&self, cx: &mut Context<'_>) -> Poll<SocketEvent> {
        let mut heard = self.heard.borrow_mut();
        match heard.told.pop_front() {
            Some(told) => {
                if let SocketEvent::Message(message) = &told {
                    heard.bytes = heard.bytes.saturating_sub(message.len());
                }
                Poll::Ready(told)
            }
            None => {
                heard.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// More has come than may wait.
    pub(super) fn is_overrun(&self) -> bool {
        self.heard.borrow().overrun
    }

    /// Gives the browser a message. `false` once it is closing.
    pub(super) fn queue(&mut self, message: &Message) -> bool {
        let sent = match message {
            Message::Text(text) => self.socket.send_with_str(text),
            Message::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        sent.is_ok() && self.is_open()
    }

    /// The same for a prefix and a message in one frame.
    pub(super) fn queue_prefixed(&mut self, prefix: &[u8], message: &Message) -> bool {
        if prefix.is_empty() {
            return self.queue(message);
        }
        let whole = [prefix, message.payload()].concat();
        let sent = match message {
            // The prefix is ASCII.
            Message::Text(_) => self.socket.send_with_str(&String::from_utf8_lossy(&whole)),
            Message::Binary(_) => self.socket.send_with_u8_array(&whole),
        };
        sent.is_ok() && self.is_open()
    }

    /// Starts the closing handshake. A page may give no code but 1000 and those from 3000 on; others go without.
    pub(super) fn queue_close(&mut self, code: CloseCode, reason: &str) {
        self.closing = true;
        // Refused only for a code or reason that is not allowed, and these are.
        let _ = match code.0 {
            1000 | 3000..=4999 => self.socket.close_with_code_and_reason(code.0, reason),
            _ => self.socket.close(),
        };
    }

    pub(super) fn is_open(&self) -> bool {
        !self.closing && self.socket.ready_state() == WebSocket::OPEN
    }

    /// Payload that the browser has and the network has not.
    pub(super) fn buffered(&self) -> u64 {
        u64::from(self.socket.buffered_amount())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let_go(&self.socket);
        if self.pinger.is_some() {
            Pinger::let_go(&self.socket);
        }
        if self.drain.is_some() {
            Drain::let_go(&self.socket);
        }
    }
}

/// Closes it, and hears nothing more of it.
fn let_go(socket: &WebSocket) {
    socket.set_onopen(None);
    socket.set_onmessage(None);
    socket.set_onclose(None);
    // Harmless if it is closed already.
    let _ = socket.close();
}

impl EventQueue {
    fn tell(this: &RefCell<Self>, tell: impl FnOnce(&mut Self)) {
        let waker = {
            let mut heard = this.borrow_mut();
            tell(&mut heard);
            heard.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Queues a message. Returns whether the driver has to be woken: the queue was empty, or it has overflowed.
    fn push(&mut self, message: Message) -> bool {
        let first = self.told.is_empty();
        if self.told.len() >= MOST_MESSAGES || self.bytes + message.len() > MOST_BYTES {
            self.overrun = true;
        }
        if !self.overrun {
            self.bytes += message.len();
            self.told.push_back(SocketEvent::Message(message));
        }
        first || self.overrun
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callbacks = (&self.on_open, &self.on_message, &self.on_close);
        f.debug_struct("Socket")
            .field("buffered", &self.buffered())
            .field("callbacks", &callbacks)
            .finish_non_exhaustive()
    }
}

fn message(data: &JsValue) -> Option<Message> {
    if let Some(text) = data.as_string() {
        return Some(Message::text(text));
    }
    data.dyn_ref::<ArrayBuffer>().map(|buffer| Message::binary(Uint8Array::new(buffer).to_vec()))
}

/// 1005 says that a close frame came without a code, 1006 that none came (RFC 6455 section 7.1.5).
fn close_frame(code: u16, reason: String) -> Option<Option<CloseFrame>> {
    match CloseCode(code) {
        CloseCode::ABNORMAL => None,
        CloseCode::NO_STATUS => Some(None),
        code => Some(Some(CloseFrame { code, reason: reason.into() })),
    }
}

fn words(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => "the browser does not say why".to_owned(),
    }
}
