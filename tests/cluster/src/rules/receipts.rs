//! Receipts only rise.

use super::{Found, Rule};
use crate::record::{Client, Record, What};

pub(super) fn check(record: &Record, found: &mut Found) {
    for client in &record.clients {
        check_client(record, client, found);
    }
}

fn check_client(record: &Record, client: &Client, found: &mut Found) {
    let mut epoch = "";
    let mut last = (0, 0);
    for event in &client.events {
        match &event.what {
            // Each connection gets the receipts from the start.
            What::Synced { epoch: now, .. } => (epoch, last) = (now, (0, 0)),
            What::Receipt { delivered, read } => {
                let (room, user, now) = (&client.room, &client.user, (*delivered, *read));
                if now.0 < last.0 || now.1 < last.1 {
                    found.add(Rule::Receipts, format!("{room}: {user} is told {now:?} after {last:?}"));
                }
                let history = record.histories.iter().find(|one| one.room == *room && one.epoch == epoch);
                let end = history.and_then(|history| history.lines.last()).map(|line| line.offset);
                if end.is_some_and(|end| now.0 > end) || now.1 > now.0 {
                    found.add(Rule::Receipts, format!("{room}: {user} is told {now:?}, of {end:?} texts"));
                }
                last = now;
            }
            _ => {}
        }
    }
}
