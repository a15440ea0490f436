use std::hint::black_box;

use everwire_chat_core::wire::{Event, TextMessage, WireStatus, parse};
use everwire_ws::{Config, Connection, Message, Prepared, Role};

use super::Operations;
use crate::measure::measured;

const MEMBERS: usize = 1000;
const LINES: usize = 64;

/// A stored message as JSON and as a frame, and into the buffers of 1,000 connections.
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

/// The JSON of a message, read by a client.
pub(super) fn decode() -> Operations {
    let lines = lines();
    let mut read = 0;
    for _ in 0..16 {
        measured(&mut || read += lines.iter().map(|line| parse(black_box(line)).events.len() as u64).sum::<u64>());
    }
    Ok(read)
}

/// Messages as they look on the wire, each another, the same in every run.
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
