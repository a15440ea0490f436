//! Explores with loom, up to a bound on interruptions, the orders in which the driver, the reader of the inbox and the
//! senders can meet: a task that sleeps is woken once there is something for it. A wake-up that is lost shows as a
//! deadlock.
//!
//! The files under test are those of the client, built here with loom's locks and atomics in place of std's.
#![allow(dead_code, reason = "the client needs more of these files than the models do")]

mod inbox;
mod sync;
#[path = "../../src/wakeup.rs"]
mod wakeup;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use everwire_ws::Message;
use loom::future::block_on;
use loom::thread;

use crate::inbox::bounds::{Bounds, Limit, Reading};
use crate::inbox::mailbox::{Mailbox, Next, Refill};
use crate::sync::{Mutex, lock};
use crate::wakeup::Wakeup;

/// All orders in which threads are interrupted so often; more takes minutes where there are three of them.
fn model(interruptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(test);
}

const SESSION: Reading = Reading::Session { manual_acks: false };

fn mailbox(messages: usize, reading: Reading) -> (Arc<Mailbox>, Arc<Wakeup>) {
    let driver = Arc::new(Wakeup::default());
    let bounds = Bounds { messages, bytes: 1000 };
    (Arc::new(Mailbox::new(bounds, reading, Arc::clone(&driver))), driver)
}

fn deliver(mailbox: &Mailbox, messages: usize) {
    let mut batch = vec![Message::text("x"); messages];
    assert_eq!(mailbox.deliver(&mut batch, Limit::Usual), 0);
}

/// The driver sleeps until this is so, in the way of its `rest`.
fn sleep_until(driver: &Wakeup, mut done: impl FnMut(&mut Context<'_>) -> bool) {
    block_on(poll_fn(|cx| {
        drop(driver.arm(cx));
        if done(cx) { Poll::Ready(()) } else { Poll::Pending }
    }));
}

/// As `Inbox::next` does.
fn next(mailbox: &Mailbox, generation: u64) -> Option<Message> {
    block_on(poll_fn(|cx| {
        loop {
            match mailbox.next(generation) {
                Next::Message(message, _) => return Poll::Ready(Some(message)),
                Next::Replaced => return Poll::Ready(None),
                Next::Nothing => {}
            }
            match mailbox.refill(generation, Some(cx)) {
                Refill::Filled => {}
                Refill::Empty => return Poll::Pending,
                Refill::Ended => return Poll::Ready(None),
            }
        }
    }))
}

#[test]
fn the_driver_hears_that_the_inbox_was_dropped() {
    model(3, || {
        let (mailbox, driver) = mailbox(4, SESSION);
        let (generation, _) = mailbox.attach();
        deliver(&mailbox, 2);
        let reader = Arc::clone(&mailbox);
        let reader = thread::spawn(move || reader.detach(generation));
        sleep_until(&driver, |_| mailbox.processed() == Some(2));
        sleep_until(&driver, |_| mailbox.take_untold() == 2);
        reader.join().expect("no panic");
    });
}

#[test]
fn the_driver_hears_of_each_message_that_is_processed_though_others_have_work_for_it_too() {
    model(2, || {
        let (mailbox, driver) = mailbox(4, SESSION);
        let work = Arc::new(Mutex::new(false));
        let reader = Arc::clone(&mailbox);
        let reader = thread::spawn(move || {
            reader.process(1);
            reader.process(2);
        });
        let (handle, there) = (Arc::clone(&driver), Arc::clone(&work));
        let handle = thread::spawn(move || {
            *lock(&there) = true;
            handle.wake();
        });
        sleep_until(&driver, |_| mailbox.processed() == Some(2) && *lock(&work));
        reader.join().expect("no panic");
        handle.join().expect("no panic");
    });
}

#[test]
fn the_driver_hears_of_room() {
    model(3, || {
        let (mailbox, driver) = mailbox(1, Reading::Plain);
        let (generation, _) = mailbox.attach();
        deliver(&mailbox, 1);
        let reader = Arc::clone(&mailbox);
        let reader = thread::spawn(move || {
            assert_eq!(reader.refill(generation, None), Refill::Filled);
            assert!(matches!(reader.next(generation), Next::Message(_, 1)));
            assert_eq!(reader.refill(generation, None), Refill::Empty);
        });
        sleep_until(&driver, |cx| !mailbox.poll_room(Limit::Usual, cx).is_none());
        reader.join().expect("no panic");
    });
}

#[test]
fn the_reader_hears_of_each_message_and_of_the_end() {
    model(3, || {
        let (mailbox, _) = mailbox(4, Reading::Plain);
        let (generation, _) = mailbox.attach();
        let driver = Arc::clone(&mailbox);
        let driver = thread::spawn(move || {
            deliver(&driver, 1);
            if driver.set_ended(true) {
                driver.wake_reader();
            }
        });
        assert!(next(&mailbox, generation).is_some());
        assert!(next(&mailbox, generation).is_none());
        driver.join().expect("no panic");
    });
}

#[test]
fn a_reader_that_is_replaced_hears_of_it_and_each_message_has_one_reader() {
    model(3, || {
        let (mailbox, _) = mailbox(4, Reading::Plain);
        let (first, _) = mailbox.attach();
        let second = Arc::clone(&mailbox);
        let second = thread::spawn(move || {
            let (generation, before) = second.attach();
            deliver(&second, 1);
            assert_eq!(before, 0);
            assert!(next(&second, generation).is_some());
        });
        assert!(next(&mailbox, first).is_none());
        second.join().expect("no panic");
        assert_eq!(mailbox.counts().1, 0);
    });
}

/// What a refused `send` waits for, as the machine and the line behind it keep it.
#[derive(Debug, Default)]
struct Outbox {
    room: bool,
    ended: bool,
    wanted: bool,
}

#[test]
fn who_waits_for_room_hears_of_room_and_who_is_behind_of_the_end() {
    model(3, || {
        let outbox = Arc::new((Mutex::new(Outbox::default()), Wakeup::default()));
        let driver = Arc::clone(&outbox);
        let driver = thread::spawn(move || {
            for change in [|outbox: &mut Outbox| outbox.room = true, |outbox: &mut Outbox| outbox.ended = true] {
                let mut held = lock(&driver.0);
                change(&mut held);
                let call = std::mem::take(&mut held.wanted);
                drop(held);
                if call {
                    driver.1.wake();
                }
            }
        });
        for _ in 0..2 {
            let (state, line) = &*outbox;
            sleep_until(line, |_| {
                let mut held = lock(state);
                let answered = std::mem::take(&mut held.room) || held.ended;
                held.wanted |= !answered;
                answered
            });
        }
        driver.join().expect("no panic");
    });
}
