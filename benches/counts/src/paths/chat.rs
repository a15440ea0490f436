use std::hint::black_box;

use everwire_chat_core::Timeline;
use everwire_chat_core::wire::{Event, Receipt, TextMessage, WireStatus, parse};
use everwire_ws::{Config, Connection, Message, Prepared, Role};

use super::Operations;
use crate::measure::measured;

const MEMBERS: usize = 1000;
const LINES: usize = 64;

/// Encodes a stored message as JSON and as a frame, and writes it to the buffers of 1,000 connections.
pub(super) fn fan_out() -> Operations {
    let server = || Connection::new(Role::Server, Config::default(), [0; 32]);
    let mut members: Vec<Connection> = (0..MEMBERS).map(|_| server()).collect();
    let mut told = 0;
    for number in 0..LINES {
        let line = Event::Text(message(number));
        measured(&mut || {
            let frame = Prepared::new(Message::from(black_box(&line).to_json()));
            told += members.iter_mut().filter_map(|member| member.send_prepared(&frame).then_some(())).count() as u64;
        });
        members.iter_mut().for_each(|member| member.outgoing().clear());
    }
    Ok(told)
}

/// Reads the JSON of messages, as a client does.
pub(super) fn decode() -> Operations {
    let lines = lines();
    let mut read = 0;
    for _ in 0..16 {
        measured(&mut || read += lines.iter().map(|line| parse(black_box(line)).events.len() as u64).sum::<u64>());
    }
    Ok(read)
}

/// A timeline of 20,000 messages: an own message is added and read by another member, then a page of 50 is added before the
/// oldest, which is looked up by its id.
pub(super) fn timeline() -> Operations {
    const WINDOW: usize = 20_000;
    let mut timeline = Timeline::new(WINDOW);
    (WINDOW..2 * WINDOW).for_each(|number| drop(timeline.on_text(message(number), number.is_multiple_of(2))));
    timeline.on_receipt(Receipt { delivered: 2 * WINDOW as u64, read: 2 * WINDOW as u64 });
    let mut steps = 0;
    for step in 0..100 {
        let next = message(2 * WINDOW + step);
        let first = WINDOW - step * 50;
        let page: Vec<TextMessage> = (first - 50..first).map(message).collect();
        measured(&mut || {
            let receipt = Receipt { delivered: next.offset.unwrap_or(0), read: next.offset.unwrap_or(0) };
            let changes = timeline.on_text(black_box(&next).clone(), true).len() + timeline.on_receipt(receipt).len();
            let oldest = timeline.entries().next().map(|entry| entry.id.clone()).unwrap_or_default();
            let before = timeline.wanted_before(&oldest).unwrap_or(0);
            steps += u64::from(changes > 1 && !timeline.on_page(before, page.clone(), true, |_| false).is_empty());
        });
    }
    Ok(steps)
}

/// Messages as on the wire, all different, and the same in every run.
pub(super) fn lines() -> Vec<String> {
    (0..LINES).map(|number| Event::Text(message(number)).to_json()).collect()
}

fn message(number: usize) -> TextMessage {
    let words = ["morning", "tea", "ship", "north", "never", "again", "harbour", "seven", "light", "rain", "bridge"];
    let text: Vec<&str> = (0..6 + number % 5).map(|at| words[(number * 7 + at * 5) % words.len()]).collect();
    TextMessage {
        id: format!("0190-{number:08x}"),
        user_id: format!("user-{}", number % 9),
        user_name: "Ana".to_owned(),
        text: text.join(" "),
        timestamp: 1_790_000_000_000 + number as i64,
        status: WireStatus::default(),
        offset: Some(number as u64 + 1),
    }
}
