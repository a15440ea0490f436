//! What was acknowledged is kept, and in its sender's order.

use std::collections::{HashMap, HashSet};

use super::{Found, Rule};
use crate::record::{Client, History, Record, What};

pub(super) fn check(record: &Record, found: &mut Found) {
    for history in &record.histories {
        let places: HashMap<&str, u64> = history.lines.iter().map(|line| (line.id.as_str(), line.offset)).collect();
        for client in record.clients.iter().filter(|client| client.room == history.room) {
            kept(record, client, history, &places, found);
            sender_order(client, history, &places, found);
        }
    }
    for client in &record.clients {
        settled(client, record.bans.iter().any(|ban| ban.user == client.user), found);
    }
}

fn kept(record: &Record, client: &Client, history: &History, places: &HashMap<&str, u64>, found: &mut Found) {
    for event in &client.events {
        let id = match &event.what {
            What::Stored { id, .. } | What::Proven { id } => id,
            _ => continue,
        };
        // Until the operator had it replaced.
        let is_excused = record.replaced.iter().any(|at| *at >= event.at);
        if !places.contains_key(id.as_str()) && !is_excused {
            let (room, node) = (&history.room, history.node);
            let words = format!("{room}: {id} of {}, told at {} ms, is not on node {node}", client.user, event.at);
            found.add(Rule::Kept, words);
        }
    }
}

fn sender_order(client: &Client, history: &History, places: &HashMap<&str, u64>, found: &mut Found) {
    let mut last = (0, "");
    for event in &client.events {
        let What::Posted { id, .. } = &event.what else { continue };
        let Some(offset) = places.get(id.as_str()) else { continue };
        if *offset <= last.0 {
            let (room, node) = (&history.room, history.node);
            found.add(
                Rule::SenderOrder,
                format!("{room} on node {node}: {id} at {offset}, behind {} at {}", last.1, last.0),
            );
        }
        last = (*offset, id);
    }
}

fn settled(client: &Client, is_banned: bool, found: &mut Found) {
    let mut told = HashSet::new();
    for event in &client.events {
        match &event.what {
            What::Stored { id, .. } | What::Proven { id } => drop(told.insert(id.as_str())),
            What::Rejected { id, reason } => {
                found.add(Rule::Settled, format!("{}: {id} of {} was refused: {reason}", client.room, client.user));
            }
            _ => {}
        }
    }
    if client.events.iter().any(|event| event.what == What::Refused) {
        if !is_banned {
            found.add(Rule::Settled, format!("{}: {} was sent away, and is not banned", client.room, client.user));
        }
        return;
    }
    for event in &client.events {
        if let What::Posted { id, .. } = &event.what
            && !told.contains(id.as_str())
        {
            let words = format!("{}: nothing became of {id} of {}, sent at {} ms", client.room, client.user, event.at);
            found.add(Rule::Settled, words);
        }
    }
}
