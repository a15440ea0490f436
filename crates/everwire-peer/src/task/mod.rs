//! The task of a session: it sends, receives, runs handlers, and keeps deadlines.
//!
//! - [`Task`]: the loop, and what wakes it
//! - `workers`: handlers that run, and those that wait
//! - `next_items`: the next items of a handler's stream
//! - `outbox`: a message that waits for room, and the fate of a hello
//! - `acks`: what has arrived and is not acknowledged

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use everwire_calls::Kind;
use everwire_core::Moment;
use everwire_ws::Message;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::handlers::Shared;
use crate::hub::{Command, Hub, Sample, Sent};
use crate::{Arrived, BoxFuture, Fate, Link, SessionName};

mod acks;
mod next_items;
mod outbox;
mod workers;

use acks::Acks;
use outbox::Outbox;
use workers::{Arrival, HandlerEvent, Workers};

pub(crate) struct Task<L> {
    hub: Arc<Hub>,
    link: L,
    workers: Workers,
    outbox: Outbox,
    own: mpsc::Sender<Message>,
    /// Messages of the application's own for which there is no room. While there are some, nothing is received.
    own_waits: VecDeque<Message>,
    acks: Acks,
    /// Turns for which acknowledgements were put off.
    put_off: u8,
    /// Up to here the link was told to acknowledge with what is sent next, and how many messages those are since the last time that
    /// it was told to do so at once.
    noted: Option<(u64, usize)>,
    /// When what was noted is acknowledged at once. Set when there is something, and not put off by what comes then.
    ack_alarm: Option<BoxFuture<'static, ()>>,
    _ending: CloseOnDrop,
}

/// Closes the hub when the task ends, so that each task that awaits a call is told.
struct CloseOnDrop(Arc<Hub>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What woke the task.
enum Event {
    Arrived(Option<Arrived>),
    Sent(Sent),
    Handler(HandlerEvent),
    Hello(Fate),
    /// Messages have ended without arriving.
    Undelivered,
    /// Others have had their turn.
    Acknowledge,
    /// What was to be acknowledged with what is sent next has waited long enough.
    AckAlarm,
    Room,
    Work,
    Deadline,
}

/// So often may something else happen before what has arrived is acknowledged.
const MAX_PUT_OFF: u8 = 3;

/// Messages that are received at once before something else has its turn.
const AT_ONCE: usize = 128;
/// An acknowledgement waits at most this long to go with something that is sent, and only for fewer than `MAX_NOTED` messages.
const ACK_WITHIN: Duration = Duration::from_millis(25);
const MAX_NOTED: usize = 64;

impl<L: Link> Task<L> {
    pub(crate) fn new(
        hub: Arc<Hub>,
        link: L,
        shared: Arc<Shared>,
        session: Option<SessionName>,
        own: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            link,
            workers: Workers::new(Arc::clone(&hub), shared, session),
            outbox: Outbox::default(),
            own,
            own_waits: VecDeque::new(),
            acks: Acks::default(),
            put_off: 0,
            noted: None,
            ack_alarm: None,
            _ending: CloseOnDrop(Arc::clone(&hub)),
            hub,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut received = 0;
        loop {
            self.execute();
            let has_sent = self.hub.flush();
            let Sample { stuck, hello, deadline, is_flooded } = self.hub.sample();
            self.outbox.take_over(&self.hub, stuck, hello);
            // An acknowledgement goes out with what is sent; else it waits, since who got a reply may make the next call.
            if has_sent || self.put_off >= MAX_PUT_OFF {
                self.acknowledge();
            } else {
                self.note_acknowledgements();
            }
            if self.workers.start_held(self.outbox.is_full()) {
                self.acknowledge();
                continue;
            }
            if std::mem::take(&mut received) >= AT_ONCE {
                // What these have led to goes out while the next are worked on.
                yield_now().await;
            }
            match self.next_event(deadline, is_flooded).await {
                Event::Arrived(None) => return,
                Event::Arrived(Some(arrived)) => match self.receive(arrived) {
                    Some(count) => received = count,
                    None => return,
                },
                Event::Sent(sent) => self.outbox.sent(&self.hub, sent),
                Event::Handler(event) => {
                    self.workers.on_event(event);
                    self.acknowledge();
                }
                Event::Hello(fate) => self.outbox.hello_ended(&self.hub, &fate),
                Event::Undelivered => self.hub.end_undelivered(),
                Event::Acknowledge => self.acknowledge(),
                Event::AckAlarm => {
                    self.ack_alarm = None;
                    self.acknowledge();
                }
                Event::Room => self.pass_own(),
                Event::Work => {}
                Event::Deadline => self.hub.handle_timeout(),
            }
        }
    }

    async fn next_event(&mut self, deadline: Option<Moment>, is_flooded: bool) -> Event {
        let (hub, own) = (&self.hub, &self.own);
        let (is_full, waits) = (self.outbox.is_full(), !self.own_waits.is_empty());
        let is_held_up = waits || (is_full && is_flooded);
        let is_due = self.acks.is_due();
        self.put_off = if is_due { self.put_off.saturating_add(1) } else { 0 };
        let alarm = async {
            match deadline {
                Some(deadline) => hub.carrier.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let ack_alarm = async {
            match &mut self.ack_alarm {
                Some(alarm) => alarm.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            arrived = self.link.recv(), if !is_held_up => Event::Arrived(arrived),
            event = self.outbox.next_event(hub) => event,
            event = self.workers.next_event(is_full) => Event::Handler(event),
            _ = own.reserve(), if waits => Event::Room,
            () = yield_now(), if is_due => Event::Acknowledge,
            () = std::future::poll_fn(|cx| hub.work.poll(cx)) => Event::Work,
            () = alarm => Event::Deadline,
            () = ack_alarm => Event::AckAlarm,
        }
    }

    /// Receives this message and those that have arrived with it. Returns their number, or `None` if nothing more will arrive.
    fn receive(&mut self, first: Arrived) -> Option<usize> {
        let mut arrived = vec![first];
        let mut is_over = false;
        while arrived.len() < AT_ONCE {
            match self.link.recv().now_or_never() {
                Some(Some(next)) => arrived.push(next),
                Some(None) => {
                    is_over = true;
                    break;
                }
                None => break,
            }
        }
        let count = arrived.len();
        arrived.iter().for_each(|arrived| self.acks.arrived(arrived.position));
        self.hub.receive(arrived);
        self.execute();
        if is_over {
            self.acknowledge();
            return None;
        }
        Some(count)
    }

    /// Does what the machine wants done.
    fn execute(&mut self) {
        let is_full = self.outbox.is_full();
        loop {
            let commands = self.hub.take_commands();
            if commands.is_empty() {
                return self.pass_own();
            }
            for command in commands {
                match command {
                    Command::Start(call, origin) => {
                        if self.workers.in_order() && call.kind == Kind::Call {
                            self.acks.hold(origin.position, call.id);
                        }
                        self.workers.begin(Arrival { call, sequence: origin.sequence }, is_full);
                    }
                    Command::Drop(id, reason) => self.workers.drop_handler(id, reason),
                    Command::MaySend(id) => self.workers.may_send(id),
                    Command::Own(message) => self.own_waits.push_back(message),
                }
            }
        }
    }

    fn acknowledge(&mut self) {
        self.put_off = 0;
        for id in self.workers.take_ended() {
            self.acks.done(id);
        }
        let noted = self.noted.take().map(|(position, _)| position);
        if let Some(position) = self.acks.advance().map(|(position, _)| position).or(noted) {
            self.link.acknowledge(position);
        }
    }

    /// Has the link acknowledge with what is sent next, if it can, and sees to it that it does so soon if nothing is.
    fn note_acknowledgements(&mut self) {
        if !self.link.acknowledges_with_next() {
            return;
        }
        let Some((position, count)) = self.acks.advance() else { return };
        self.link.acknowledge_with_next(position);
        let count = count.saturating_add(self.noted.map_or(0, |(_, count)| count));
        self.noted = Some((position, count));
        if count >= MAX_NOTED {
            self.acknowledge();
        } else if self.ack_alarm.is_none() {
            let carrier = &self.hub.carrier;
            self.ack_alarm = Some(carrier.sleep_until(carrier.now() + ACK_WITHIN));
        }
    }

    fn pass_own(&mut self) {
        while let Some(message) = self.own_waits.pop_front() {
            match self.own.try_send(message) {
                Ok(()) => {}
                // Nobody wants them.
                Err(mpsc::error::TrySendError::Closed(_)) => self.own_waits.clear(),
                Err(mpsc::error::TrySendError::Full(message)) => {
                    self.own_waits.push_front(message);
                    return;
                }
            }
        }
    }
}
