//! A user without a connection is not shown as here, and a user with one is.

use std::collections::{HashMap, HashSet};

use super::{Found, Rule};
use crate::record::{Client, Millis, Record, What};

/// How long a user may be shown who has no connection any more: the lease of a dead node's members, and the time that a
/// cut connection may take to be noticed.
pub const PRESENCE_BOUND: Millis = 15_000;

/// How much later than others a client may know that it is connected.
const JOINING: Millis = 5_000;

/// When a user had a connection to a room.
struct Link<'a> {
    user: &'a str,
    room: &'a str,
    from: Millis,
    to: Millis,
}

pub(super) fn check(record: &Record, found: &mut Found) {
    let links: Vec<Link<'_>> = record.clients.iter().flat_map(|client| links(record, client)).collect();
    // A violation is reported once for each pair of an observer and a user who is shown.
    let mut told = HashSet::new();
    for client in &record.clients {
        look(record, client, &links, &mut told, found);
    }
}

fn links<'a>(record: &'a Record, client: &'a Client) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut open = None;
    let link = |from, to| Link { user: &client.user, room: &client.room, from, to };
    for event in &client.events {
        match &event.what {
            What::Synced { .. } => drop(open.get_or_insert(event.at)),
            What::Closed | What::Refused => links.extend(open.take().map(|from| link(from, event.at))),
            _ => {}
        }
    }
    links.extend(open.map(|from| link(from, record.end)));
    links
}

fn look<'a>(
    record: &'a Record,
    client: &'a Client,
    links: &[Link<'a>],
    told: &mut HashSet<(Rule, &'a str, &'a str)>,
    found: &mut Found,
) {
    let mut users: Option<HashSet<&str>> = None;
    let ends = (record.end, None);
    for (at, what) in client.events.iter().map(|event| (event.at, Some(&event.what))).chain([ends]) {
        // Before this event is taken in: it may be the one that makes it right, and come late.
        if let Some(users) = &users {
            gone(record, client, at, users, links, told, found);
        }
        match what {
            Some(What::Synced { users: now, .. }) => {
                let now: HashSet<&str> = now.iter().map(String::as_str).collect();
                here(record, client, at, &now, links, told, found);
                gone(record, client, at, &now, links, told, found);
                users = Some(now);
            }
            Some(What::Joined(user)) => drop(users.as_mut().map(|users| users.insert(user))),
            Some(What::Left(user)) => drop(users.as_mut().map(|users| users.remove(user.as_str()))),
            Some(What::Closed | What::Refused) => users = None,
            _ => {}
        }
    }
}

fn gone<'a>(
    record: &Record,
    client: &'a Client,
    at: Millis,
    users: &HashSet<&'a str>,
    links: &[Link<'a>],
    told: &mut HashSet<(Rule, &'a str, &'a str)>,
    found: &mut Found,
) {
    let since = at.saturating_sub(PRESENCE_BOUND);
    if at < PRESENCE_BOUND || !record.is_calm(since, at) {
        return;
    }
    let mut seen: HashMap<&str, Millis> = HashMap::new();
    // Who comes may be told to others before it knows.
    for link in links.iter().filter(|link| link.room == client.room && link.from <= at + JOINING) {
        let last = seen.entry(link.user).or_default();
        *last = (*last).max(link.to);
    }
    for user in users {
        let last = seen.get(user).copied().unwrap_or_default();
        if last < since && told.insert((Rule::Gone, &client.user, user)) {
            let (room, who) = (&client.room, &client.user);
            let words = format!("{user} is in {room} for {who} at {at} ms, without a connection since {last} ms");
            found.add(Rule::Gone, words);
        }
    }
}

fn here<'a>(
    record: &Record,
    client: &'a Client,
    at: Millis,
    users: &HashSet<&str>,
    links: &[Link<'a>],
    told: &mut HashSet<(Rule, &'a str, &'a str)>,
    found: &mut Found,
) {
    let since = at.saturating_sub(PRESENCE_BOUND);
    if at < PRESENCE_BOUND || !record.is_calm(since, at) {
        return;
    }
    let others = links.iter().filter(|link| link.room == client.room && link.user != client.user);
    for link in others.filter(|link| link.from < since && link.to > at) {
        if !users.contains(link.user) && told.insert((Rule::Here, &client.user, link.user)) {
            let (room, who, user) = (&client.room, &client.user, link.user);
            found.add(Rule::Here, format!("{user} is not in {room} for {who}, who comes at {at} ms"));
        }
    }
}
