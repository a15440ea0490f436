//! A banned user stays out, and a user who has signed in stays signed in.

use std::collections::HashSet;

use super::{Found, Rule};
use crate::record::{Ban, Client, Millis, Record, What};

/// From when on a ban holds on every node: a second for the news to reach it, two for the node to close what is open.
pub const BAN_BOUND: Millis = 3_000;

pub(super) fn check(record: &Record, found: &mut Found) {
    for ban in &record.bans {
        let from = record.deadline(ban.at, BAN_BOUND);
        for client in record.clients.iter().filter(|client| client.user == ban.user) {
            check_client(record, ban, from, client, found);
        }
    }
    for client in &record.clients {
        signed_in(record, client, found);
    }
}

fn signed_in(record: &Record, client: &Client, found: &mut Found) {
    let banned = record.bans.iter().filter(|ban| ban.user == client.user).map(|ban| ban.at).min();
    for event in client.events.iter().filter(|event| event.what == What::SignedOut) {
        // A node may know of the ban before the operator's command has succeeded.
        if banned.is_none_or(|at| event.at + BAN_BOUND < at) {
            found.add(Rule::SignedIn, format!("the sign-in of {} is over at {} ms", client.user, event.at));
        }
    }
}

fn check_client(record: &Record, ban: &Ban, from: Millis, client: &Client, found: &mut Found) {
    let mut late = HashSet::new();
    // An older backup may not know of the ban.
    let to = record.replaced.iter().copied().filter(|at| *at >= ban.at).min().unwrap_or(Millis::MAX);
    for event in client.events.iter().filter(|event| event.at > from && event.at < to) {
        match &event.what {
            What::Posted { id, .. } => drop(late.insert(id.as_str())),
            What::Synced { .. } | What::Heard(_) | What::Stored { .. } => {
                let (user, room, at) = (&ban.user, &client.room, event.at);
                let words = format!("{user}, banned at {} ms, is in {room} at {at} ms: {:?}", ban.at, event.what);
                found.add(Rule::Banned, words);
            }
            _ => {}
        }
    }
    for history in record.histories.iter().filter(|history| history.room == client.room) {
        for line in history.lines.iter().filter(|line| late.contains(line.id.as_str())) {
            let (user, node) = (&ban.user, history.node);
            found.add(Rule::Banned, format!("{} of {user} was sent after the ban, and is on node {node}", line.id));
        }
    }
}
