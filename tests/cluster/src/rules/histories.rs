//! One place has one text, on all nodes, as it was sent.

use std::collections::HashMap;

use super::{Found, Rule};
use crate::record::{Line, Record, What};

pub(super) fn check(record: &Record, found: &mut Found) {
    one_place(record, found);
    faithful(record, found);
    for history in &record.histories {
        let (node, room) = (history.node, &history.room);
        for (line, offset) in history.lines.iter().zip(1..) {
            if line.offset != offset {
                found.add(Rule::Dense, format!("{room} on node {node}: {} where {offset} belongs", line.offset));
                break;
            }
        }
    }
    let mut first = HashMap::new();
    for history in &record.histories {
        let known = *first.entry(&history.room).or_insert(history);
        let (node, other, room) = (history.node, known.node, &history.room);
        if history.epoch != known.epoch {
            let words = format!("{room}: node {other} has {}, node {node} has {}", known.epoch, history.epoch);
            found.add(Rule::SameHistory, words);
        } else if history.lines != known.lines {
            let same = history.lines.iter().zip(&known.lines).take_while(|(one, other)| one == other).count();
            let (here, there) = (history.lines.len(), known.lines.len());
            let words = format!(
                "{room}: nodes {other} and {node} differ behind the first {same} texts (they have {there} and {here})"
            );
            found.add(Rule::SameHistory, words);
        }
    }
    same_epoch(record, found);
}

/// The texts and offsets that all clients and nodes know, combined.
fn one_place(record: &Record, found: &mut Found) {
    let mut ids = HashMap::new();
    let mut places = HashMap::new();
    let mut know = |room: &str, epoch: &str, offset: u64, id: &str, who: &str| {
        let of = (room.to_owned(), epoch.to_owned());
        let known = ids.entry((of.clone(), offset)).or_insert_with(|| id.to_owned());
        if known != id {
            found.add(Rule::OnePlace, format!("{room} {offset}: {known} for some, {id} for {who}"));
        }
        let known = places.entry((of, id.to_owned())).or_insert(offset);
        if *known != offset {
            found.add(Rule::OnePlace, format!("{room} {id}: at {known} for some, at {offset} for {who}"));
        }
    };
    for client in &record.clients {
        let mut epoch = "";
        for event in &client.events {
            match &event.what {
                What::Synced { epoch: now, .. } => epoch = now,
                What::Heard(line) => know(&client.room, epoch, line.offset, &line.id, &client.user),
                What::Stored { id, offset } => know(&client.room, epoch, *offset, id, &client.user),
                _ => {}
            }
        }
    }
    for history in &record.histories {
        let who = format!("node {}", history.node);
        for line in &history.lines {
            know(&history.room, &history.epoch, line.offset, &line.id, &who);
        }
    }
}

fn faithful(record: &Record, found: &mut Found) {
    let mut sent = HashMap::new();
    for client in &record.clients {
        for event in &client.events {
            if let What::Posted { id, text } = &event.what {
                sent.insert(id.as_str(), (client.room.as_str(), client.user.as_str(), text.as_str()));
            }
        }
    }
    let mut judge = |room: &str, line: &Line| match sent.get(line.id.as_str()) {
        Some(known) if *known == (room, line.user.as_str(), line.text.as_str()) => {}
        Some((room, user, text)) => {
            let words =
                format!("{} is '{}' of {}, and was '{text}' of {user} in {room}", line.id, line.text, line.user);
            found.add(Rule::Faithful, words);
        }
        None => found.add(Rule::Faithful, format!("{room}: nobody has sent {}", line.id)),
    };
    for client in &record.clients {
        for event in &client.events {
            if let What::Heard(line) = &event.what {
                judge(&client.room, line);
            }
        }
    }
    for history in &record.histories {
        history.lines.iter().for_each(|line| judge(&history.room, line));
    }
}

fn same_epoch(record: &Record, found: &mut Found) {
    let mut epochs: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut know = |room, epoch| {
        let known = epochs.entry(room).or_default();
        if !known.contains(&epoch) {
            known.push(epoch);
        }
    };
    for client in &record.clients {
        for event in &client.events {
            if let What::Synced { epoch, .. } = &event.what {
                know(client.room.as_str(), epoch.as_str());
            }
        }
    }
    record.histories.iter().for_each(|history| know(&history.room, &history.epoch));
    for (room, epochs) in epochs {
        if epochs.len() > record.replaced.len() + 1 {
            let replaced = record.replaced.len();
            found.add(Rule::SameEpoch, format!("{room}: {} histories, replaced {replaced} times", epochs.len()));
        }
    }
}
