//! Messages into the outbox, and changing one's mind about them.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use everwire_core::{CancelError, MessageId, Outcome, Output, ReplaceError, SendError, SendOptions};
use everwire_ws::Message;
use tokio::task;

use super::{Inner, Locked, Shared};
use crate::wakeup::Wakeup;
use crate::{Deliveries, Delivery};

/// The largest number of messages that enter the outbox under one lock of the machine. Single sends look for a crowd
/// once in this many messages.
const AT_ONCE: usize = 256;

/// With this many messages queued, a sender that can wait lets the driver have its turn. What the driver takes is then
/// still in the processor's cache, which makes more difference than everything else that is done with a small message.
const CROWD: usize = 2048;

/// Those who wait for room in the outbox, first come, first served.
#[derive(Debug, Default)]
pub(super) struct SenderQueue {
    turn: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    /// Wakes the one whose turn it is.
    room: Wakeup,
    /// Many are queued, and nobody has stepped back for that yet.
    crowded: AtomicBool,
}

impl Shared {
    #[inline]
    pub(crate) fn send(&self, message: Message) -> Result<Delivery, SendError> {
        let mut message = Some(message);
        match (self.send_at_once(&mut message), message) {
            (Some(delivery), _) => Ok(delivery),
            (None, Some(message)) => self.send_or_say_why(message),
            (None, None) => unreachable!("a message that was not sent is still there"),
        }
    }

    /// Sends, or leaves the message where it is. Of all that it could return, this comes in registers.
    fn send_at_once(&self, message: &mut Option<Message>) -> Option<Delivery> {
        let mut inner = self.lock();
        // Only who is timed has a use for the exact time, which costs as much as all the rest.
        let now = if self.timed { self.now() } else { inner.looked_at_clock };
        let id = match inner.machine.send(now, message.take()?) {
            Ok(id) => id,
            Err(refused) => {
                *message = Some(refused.into_message());
                return None;
            }
        };
        let delivery = inner.ledger.open(id);
        if id.0 % AT_ONCE as u64 == 0 {
            self.senders.look_at(&inner);
        }
        if self.timed && inner.must_wake_earlier() {
            inner.wake_driver = true;
        }
        match inner.machine.poll_output() {
            None if !inner.wake_driver => {}
            output => self.dispatch_outputs(output, inner),
        }
        Some(delivery)
    }

    #[cold]
    fn send_or_say_why(&self, message: Message) -> Result<Delivery, SendError> {
        self.send_with(message, SendOptions::new())
    }

    /// Takes messages from the front until there are none, or one is refused, which stays there.
    pub(crate) fn send_many(
        &self,
        messages: &mut VecDeque<Message>,
        deliveries: &mut Deliveries,
    ) -> Result<(), SendError> {
        while !messages.is_empty() {
            self.send_some(messages, deliveries)?;
        }
        Ok(())
    }

    fn send_some(&self, messages: &mut VecDeque<Message>, deliveries: &mut Deliveries) -> Result<(), SendError> {
        let mut inner = self.lock();
        let now = if self.timed { self.now() } else { inner.looked_at_clock };
        let (accepted, sent) = inner.machine.send_many(now, messages, AT_ONCE);
        let last = inner.machine.last_id();
        inner.ledger.open_many(last, accepted, deliveries);
        self.senders.look_at(&inner);
        if self.timed && inner.must_wake_earlier() {
            inner.wake_driver = true;
        }
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        sent
    }

    pub(crate) fn send_with(&self, message: Message, options: SendOptions) -> Result<Delivery, SendError> {
        let mut inner = self.lock();
        let id = inner.machine.send_with(self.now(), message, options)?;
        let delivery = inner.ledger.open(id);
        if inner.must_wake_earlier() {
            inner.wake_driver = true;
        }
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        Ok(delivery)
    }

    pub(crate) fn send_volatile(&self, message: Message) -> Result<Delivery, SendError> {
        let mut inner = self.lock();
        let id = inner.machine.send_volatile(message)?;
        let delivery = inner.ledger.open(id);
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        Ok(delivery)
    }

    pub(crate) fn cancel(&self, id: MessageId) -> Result<Outcome, CancelError> {
        let mut inner = self.lock();
        let outcome = inner.machine.cancel(self.now(), id)?;
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        Ok(outcome)
    }

    pub(crate) fn withdraw(&self, id: MessageId) -> Result<(), CancelError> {
        let mut inner = self.lock();
        inner.machine.withdraw(self.now(), id)?;
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        Ok(())
    }

    pub(crate) fn replace(&self, id: MessageId, message: Message) -> Result<(), ReplaceError> {
        let mut inner = self.lock();
        let replaced = inner.machine.replace(self.now(), id, message);
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        replaced
    }

    /// The rest of a call that is not just one of many.
    #[cold]
    pub(super) fn dispatch_outputs(&self, mut output: Option<Output>, mut inner: Locked<'_>) {
        let mut wakers = Vec::new();
        while let Some(next) = output {
            inner.collect_one(next, &mut wakers);
            output = inner.machine.poll_output();
        }
        let wake_driver = mem::take(&mut inner.wake_driver);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
        if wake_driver {
            self.driver.wake();
        }
    }

    /// Sends as soon as there is room.
    #[inline]
    pub(crate) fn send_wait(&self, message: Message) -> SendWait<'_> {
        SendWait { shared: self, message: Some(message), waiting: None }
    }

    pub(crate) async fn send_wait_with(
        &self,
        mut message: Message,
        options: Option<SendOptions>,
    ) -> Result<Delivery, SendError> {
        let send = |message| match &options {
            None => self.send(message),
            Some(options) => self.send_with(message, options.clone()),
        };
        // Before and not after: who gives up waiting has sent nothing.
        self.senders.yield_to_driver().await;
        if self.senders.waiting.load(Ordering::Relaxed) == 0 {
            match send(message) {
                Err(SendError::Full(back)) => message = back,
                other => return other,
            }
        }
        let _place = self.senders.join();
        let _turn = self.senders.turn.lock().await;
        let mut message = Some(message);
        poll_fn(|cx| {
            drop(self.senders.room.arm(cx));
            match message.take().map(send) {
                Some(Err(SendError::Full(back))) => {
                    message = Some(back);
                    Poll::Pending
                }
                Some(other) => Poll::Ready(other),
                // Only after it was ready.
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// A message that is sent as soon as there is room.
pub(crate) struct SendWait<'a> {
    shared: &'a Shared,
    /// Until the first poll.
    message: Option<Message>,
    /// Seldom: most messages find room at once.
    waiting: Option<Waiting<'a>>,
}

#[cfg(not(target_arch = "wasm32"))]
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Delivery, SendError>> + Send + 'a>>;
#[cfg(target_arch = "wasm32")]
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Delivery, SendError>> + 'a>>;

impl Future for SendWait<'_> {
    type Output = Result<Delivery, SendError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.message.is_some()
            && self.shared.senders.is_free()
            && let Some(delivery) = self.shared.send_at_once(&mut self.message)
        {
            return Poll::Ready(Ok(delivery));
        }
        self.poll_waiting(cx)
    }
}

impl SendWait<'_> {
    #[cold]
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, SendError>> {
        if let Some(message) = self.message.take() {
            self.waiting = Some(Box::pin(self.shared.send_wait_with(message, None)));
        }
        match &mut self.waiting {
            Some(waiting) => waiting.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Shared {
    pub(crate) async fn send_many_wait(
        &self,
        messages: &mut VecDeque<Message>,
        deliveries: &mut Deliveries,
    ) -> Result<(), SendError> {
        if self.senders.waiting.load(Ordering::Relaxed) == 0 {
            match self.send_stepping_back(messages, deliveries).await {
                Err(SendError::Full(_)) => {}
                other => return other,
            }
        }
        let _place = self.senders.join();
        let _turn = self.senders.turn.lock().await;
        while !messages.is_empty() {
            poll_fn(|cx| {
                drop(self.senders.room.arm(cx));
                match self.send_some(messages, deliveries) {
                    Err(SendError::Full(_)) => Poll::Pending,
                    other => Poll::Ready(other),
                }
            })
            .await?;
            match self.send_stepping_back(messages, deliveries).await {
                Err(SendError::Full(_)) => {}
                other => return other,
            }
        }
        Ok(())
    }

    async fn send_stepping_back(
        &self,
        messages: &mut VecDeque<Message>,
        deliveries: &mut Deliveries,
    ) -> Result<(), SendError> {
        while !messages.is_empty() {
            self.senders.yield_to_driver().await;
            self.send_some(messages, deliveries)?;
        }
        Ok(())
    }
}

impl SenderQueue {
    /// There may be room, or none ever again.
    pub(super) fn call_next(&self) {
        self.room.wake();
    }

    #[inline]
    fn look_at(&self, inner: &Inner) {
        if inner.machine.stats().queued_messages >= CROWD {
            self.crowded.store(true, Ordering::Relaxed);
        }
    }

    /// Lets the driver have its turn, once for each time that many were found queued.
    async fn yield_to_driver(&self) {
        if self.crowded.load(Ordering::Relaxed) && self.crowded.swap(false, Ordering::Relaxed) {
            task::yield_now().await;
        }
    }

    /// Nobody waits, and nobody is asked to step back.
    #[inline]
    fn is_free(&self) -> bool {
        !self.crowded.load(Ordering::Relaxed) && self.waiting.load(Ordering::Relaxed) == 0
    }

    fn join(&self) -> QueuePosition<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        QueuePosition(self)
    }
}

struct QueuePosition<'a>(&'a SenderQueue);

impl Drop for QueuePosition<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
