//! Each client hears everything, once and in order.

use std::collections::{BTreeSet, HashMap};

use super::{Found, Rule};
use crate::record::{Client, Record, What};

pub(super) fn check(record: &Record, found: &mut Found) {
    for client in &record.clients {
        in_order(client, found);
        complete(record, client, found);
    }
}

fn in_order(client: &Client, found: &mut Found) {
    let mut epoch = "";
    let mut last = 0;
    let mut heard = HashMap::new();
    for event in &client.events {
        match &event.what {
            What::Synced { epoch: now, .. } => {
                if now != epoch {
                    heard.clear();
                }
                (epoch, last) = (now, 0);
            }
            What::Heard(line) => {
                if line.offset <= last {
                    let words = format!("{} hears {} behind {last} in {}", client.user, line.offset, client.room);
                    found.add(Rule::InOrder, words);
                }
                last = last.max(line.offset);
                if let Some(before) = heard.insert(line.id.as_str(), event.at) {
                    let (room, user, id, now) = (&client.room, &client.user, &line.id, event.at);
                    found.add(Rule::Once, format!("{user} hears {id} in {room} at {before} ms and at {now} ms"));
                }
            }
            _ => {}
        }
    }
}

/// Compares what the client has heard with the history that it knew last.
fn complete(record: &Record, client: &Client, found: &mut Found) {
    let Some(history) = record.histories.iter().find(|history| history.room == client.room) else { return };
    let places: HashMap<&str, u64> = history.lines.iter().map(|line| (line.id.as_str(), line.offset)).collect();
    let mut epoch = "";
    let mut known = BTreeSet::new();
    let mut first = None;
    let mut last_heard = 0;
    let mut is_there = false;
    for event in &client.events {
        match &event.what {
            What::Synced { epoch: now, offset, .. } => {
                is_there = true;
                if now != epoch {
                    (epoch, first, last_heard) = (now, None, 0);
                    known.clear();
                }
                // A client without a text gets all texts that follow.
                if *offset == 0 {
                    first = Some(1);
                }
            }
            What::Heard(line) => {
                first.get_or_insert(line.offset);
                known.insert(line.offset);
                last_heard = last_heard.max(line.offset);
            }
            What::Stored { id, .. } | What::Proven { id } => known.extend(places.get(id.as_str())),
            What::Closed | What::Refused => is_there = false,
            _ => {}
        }
    }
    if epoch != history.epoch {
        if is_there {
            found.add(Rule::Complete, format!("{} is still in the history {epoch} of {}", client.user, client.room));
        }
        return;
    }
    let Some(first) = first else { return };
    let end = history.lines.last().map_or(0, |line| line.offset);
    let last = if is_there { end } else { last_heard };
    let missed: Vec<u64> = (first..=last).filter(|offset| !known.contains(offset)).collect();
    if let (Some(from), Some(to)) = (missed.first(), missed.last()) {
        let words = format!(
            "{} has not heard {} texts of {} between {from} and {to} (of {first} to {last})",
            client.user,
            missed.len(),
            client.room
        );
        found.add(Rule::Complete, words);
    }
}
