//! Measures the timeline of a chat client with many messages.

use everwire_chat_core::Timeline;
use everwire_chat_core::wire::{Receipt, TextMessage, WireStatus};

use super::growth::Growth;
use super::{Sizes, each, least};

/// The number of measured operations at the smallest size, and of lookups at each.
const STEPS: usize = 200;
/// Messages in a page of the history.
const PAGE: usize = 50;

pub(super) fn run(sizes: Sizes) -> Vec<Growth> {
    let unit = "ns of the processor";
    let mut next = Growth::new("timeline: the next message, and a receipt for it", unit);
    let mut page = Growth::new("timeline: a page of 50 before the oldest", unit);
    let mut find = Growth::new("timeline: any message by its id", unit);
    for count in sizes.upto(1_000, 100_000, 100_000, &[1_000, 10_000, 100_000]) {
        let full = filled(count);
        // Half of the size: the table of ids grows once meanwhile, and that cost is shared by all messages.
        let steps = (count / 2).max(STEPS);
        next.add(
            count,
            least(|| {
                let mut timeline = full.clone();
                let messages: Vec<TextMessage> = (0..steps).map(|at| message(2 * count + at)).collect();
                each(steps, || {
                    for message in messages {
                        let offset = message.offset.unwrap_or(0);
                        timeline.on_text(message, true);
                        timeline.on_receipt(Receipt { delivered: offset, read: offset });
                    }
                })
            }),
        );
        page.add(
            count,
            least(|| {
                let mut timeline = full.clone();
                let pages = (steps / PAGE).max(1);
                let pages: Vec<Vec<TextMessage>> =
                    (1..=pages).map(|at| (count - at * PAGE..count - (at - 1) * PAGE).map(message).collect()).collect();
                each(pages.len(), || {
                    for page in pages {
                        let before = page.last().and_then(|message| message.offset).unwrap_or(0) + 1;
                        timeline.on_page(before, page, true, |_| false);
                    }
                })
            }),
        );
        find.add(
            count,
            least(|| {
                let ids: Vec<String> = (0..STEPS).map(|at| message(count + at * (count / STEPS)).id).collect();
                each(STEPS, || {
                    assert!(ids.iter().all(|id| full.get(id).is_some()), "all of them are there");
                })
            }),
        );
    }
    vec![next, page, find]
}

/// A timeline with `count` messages, before which as many are not loaded.
fn filled(count: usize) -> Timeline {
    let mut timeline = Timeline::new(count);
    (count..2 * count).for_each(|number| drop(timeline.on_text(message(number), number.is_multiple_of(2))));
    timeline.on_receipt(Receipt { delivered: 2 * count as u64, read: 2 * count as u64 });
    timeline
}

fn message(number: usize) -> TextMessage {
    TextMessage {
        id: format!("0190-{number:08x}"),
        user_id: "ana".to_owned(),
        user_name: "Ana".to_owned(),
        text: "the build is green again".to_owned(),
        timestamp: 1_790_000_000_000,
        status: WireStatus::default(),
        offset: Some(number as u64 + 1),
    }
}
