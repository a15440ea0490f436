//! What comes from the client, on its way to JavaScript: messages, states and events in the order in which they happened.

use std::cell::Cell;
use std::rc::Rc;

use everwire::{Client, Event, EventItem, Events, Inbox, Message};
use js_sys::Array;
use tokio::sync::Notify;
use wasm_bindgen_futures::spawn_local;

use crate::hooks::{Hooks, to_js};
use crate::state;

/// How many messages JavaScript still takes, and how many it has processed.
#[derive(Default)]
pub(crate) struct Demand {
    /// Less than none: no limit.
    left: Cell<f64>,
    processed: Cell<Option<u64>>,
    changed: Notify,
}

impl Demand {
    pub(crate) fn add(&self, messages: f64) {
        let left = if messages < 0.0 { messages } else { self.left.get().max(0.0) + messages };
        self.left.set(left);
        self.changed.notify_one();
    }

    pub(crate) fn acknowledge(&self, position: u64) {
        self.processed.set(Some(position));
        self.changed.notify_one();
    }

    fn is_open(&self) -> bool {
        self.left.get() != 0.0
    }

    fn took(&self, messages: u32) {
        if self.left.get() > 0.0 {
            self.left.set((self.left.get() - f64::from(messages)).max(0.0));
        }
    }
}

/// As many are handed over in one call.
const BATCH: u32 = 1024;

/// Runs until the client has ended.
pub(crate) fn start(client: &Client, hooks: Rc<Hooks>, demand: Rc<Demand>) {
    let (events, inbox) = (client.events(), client.messages());
    hooks.state(&state::json(&client.state()));
    spawn_local(Pump { events, inbox, hooks, demand, connected: false }.run());
}

struct Pump {
    events: Events,
    inbox: Inbox,
    hooks: Rc<Hooks>,
    demand: Rc<Demand>,
    connected: bool,
}

impl Pump {
    async fn run(mut self) {
        let (demand, mut first) = (Rc::clone(&self.demand), None);
        loop {
            tokio::select! {
                biased;
                item = self.events.next() => match item {
                    Some(item) => self.tell(&item, &mut first),
                    None => break,
                },
                Some(message) = self.inbox.next(), if first.is_none() && demand.is_open() => first = Some(message),
                () = demand.changed.notified() => {}
            }
            if let Some(position) = demand.processed.take() {
                self.inbox.acknowledge(position);
            }
            self.hand_over(&mut first);
        }
        self.hand_over(&mut first);
        self.hooks.event("ended", "");
    }

    fn tell(&mut self, item: &EventItem, first: &mut Option<Message>) {
        match item {
            EventItem::State(state) => {
                // What came over a connection comes before its end.
                if self.connected && !state.is_connected() {
                    self.hand_over(first);
                }
                self.connected = state.is_connected();
                self.hooks.state(&state::json(state));
            }
            EventItem::Event(event) => self.tell_event(event),
            EventItem::Discarded(count) => self.hooks.event("discarded", &count.to_string()),
            EventItem::Missed(_) | EventItem::InboxFull { .. } | _ => {}
        }
    }

    fn tell_event(&self, event: &Event) {
        match event {
            Event::Session { resumed, .. } => self.hooks.event("session", if *resumed { "resumed" } else { "new" }),
            Event::SessionLost { .. } => self.hooks.event("session", "lost"),
            Event::StoreFailed { reason, .. } => self.hooks.event("store", reason),
            Event::PingsUnanswered { .. } => self.hooks.event("unproven", "the server answers no pings"),
            _ => {}
        }
    }

    /// Hands over what is there, as far as it is asked for.
    fn hand_over(&mut self, first: &mut Option<Message>) {
        while self.demand.is_open() {
            let messages = Array::new();
            let most = match self.demand.left.get() {
                left if left > 0.0 => (left as u32).min(BATCH),
                _ => BATCH,
            };
            while messages.length() < most {
                let Some(message) = first.take().or_else(|| self.inbox.try_next()) else { break };
                messages.push(&to_js(&message));
            }
            if messages.length() == 0 {
                return;
            }
            self.demand.took(messages.length());
            self.hooks.messages(&messages);
        }
    }
}
