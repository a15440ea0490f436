//! What is waited for. Kotlin polls, and hears by its handle when it should do so again, as a Rust executor would.

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use everwire_bind::{Client, Error};

use crate::calls::result;
use crate::codec::{Reader, Writer, failure, success};
use crate::table::Table;
use crate::{closed, jvm};

type Answer = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

static WAITS: Table<Mutex<Answer>> = Table::new();

/// The handle of a wait. `Native.kt` has the same numbers.
pub(crate) fn begin(client: Option<Arc<Client>>, what: i32, given: &mut Reader<'_>) -> i64 {
    let answer = match client {
        Some(client) => answer(client, what, given),
        None => Box::pin(ready(failure(&closed()))),
    };
    WAITS.insert(Arc::new(Mutex::new(answer)))
}

fn answer(client: Arc<Client>, what: i32, given: &mut Reader<'_>) -> Answer {
    let (one, other) = (given.number(), given.number());
    let (position, max) = (one as u64, u32::try_from(other).unwrap_or(1));
    match what {
        0 => Box::pin(async move { some(client.next_batch(position, max).await, |batch, out| out.batch(&batch)) }),
        1 => {
            Box::pin(async move { some(client.next_outcomes(position, max).await, |batch, out| out.outcomes(&batch)) })
        }
        2 => Box::pin(async move { some(client.next_events(position, max).await, |batch, out| out.events(&batch)) }),
        3 => Box::pin(async move {
            some(client.watch_state(position).await, |change, out| {
                out.number(change.version as i64);
                out.state(&change.state);
            })
        }),
        4 => Box::pin(async move { some(client.next_step(position).await, |step, out| out.step(&step)) }),
        5 => {
            let (payload, options) = (given.payload(), given.options());
            Box::pin(async move { result(client.send_wait(payload, options).await, |id, out| out.number(id as i64)) })
        }
        6 => Box::pin(async move {
            let undelivered = client.finish(position).await;
            success(|out| out.undelivered(&undelivered))
        }),
        7 => {
            let payload = given.payload();
            Box::pin(async move { result(client.opening_send(position, payload).await, |(), _| {}) })
        }
        8 => Box::pin(
            async move { result(client.opening_receive(position).await, |payload, out| out.payload(&payload)) },
        ),
        _ => Box::pin(ready(failure(&Error::System { problem: format!("there is no wait {what}") }))),
    }
}

fn some<T>(value: Option<T>, write: impl FnOnce(T, &mut Writer)) -> Vec<u8> {
    success(|out| {
        out.flag(value.is_some());
        if let Some(value) = value {
            write(value, out);
        }
    })
}

/// The answer, once it is there.
pub(crate) fn poll(handle: i64) -> Option<Vec<u8>> {
    let wait = WAITS.get(handle)?;
    let waker = Waker::from(Arc::new(Told(handle)));
    let polled = wait.lock().unwrap_or_else(PoisonError::into_inner).as_mut().poll(&mut Context::from_waker(&waker));
    match polled {
        Poll::Ready(answer) => {
            drop(WAITS.remove(handle));
            Some(answer)
        }
        Poll::Pending => None,
    }
}

pub(crate) fn cancel(handle: i64) {
    drop(WAITS.remove(handle));
}

/// Whose turn it is.
struct Told(i64);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        jvm::wake(self.0);
    }
}
