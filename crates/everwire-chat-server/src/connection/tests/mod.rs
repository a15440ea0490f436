//! What members are told: the rooms and their mailboxes together.

mod commits;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everwire_chat_core::wire::{Receipt, TextMessage, Typing, User, WireStatus};
use everwire_server::Message;

use super::mailbox::Mailbox;
use crate::budget::MailboxBudget;
use crate::domain::Appended::{self, Duplicate, IdTaken, New};
use crate::domain::{
    ClientMode, CommitOutcome, ConnectionId, Delivery, FanOut, NewNotice, Rooms, Sink, StoredReceipts,
};

struct Scene {
    rooms: Rooms,
    boxes: HashMap<ConnectionId, Arc<Mailbox>>,
}

fn notice(timestamp: i64) -> NewNotice {
    NewNotice { id: "notice".into(), timestamp }
}

fn user(id: &str) -> User {
    User::new(id, id.to_uppercase())
}

impl Scene {
    fn new() -> Self {
        Self { rooms: Rooms::default(), boxes: HashMap::new() }
    }

    fn join(&mut self, id: ConnectionId, name: &str) {
        self.join_with_room_for(8, 10_000, id, name);
    }

    fn join_with_room_for(&mut self, items: usize, bytes: usize, id: ConnectionId, name: &str) {
        let mailbox = Arc::new(Mailbox::new(items, bytes, unbounded()));
        self.boxes.insert(id, Arc::clone(&mailbox));
        let mode = ClientMode {
            extended: name.contains('+'),
            away: name.contains('~'),
            strict: name.contains('!'),
            lists_users: false,
        };
        self.rooms.join("r", id, mailbox, mode);
        self.rooms.identify("r", id, user(name), notice(7));
    }

    /// Posts, each by its origin, its id and its author, are committed together.
    fn commit(&mut self, posts: &[(ConnectionId, &str, &str, Appended)]) {
        let outcome =
            |(origin, id, author, place): &(_, &str, &str, _)| CommitOutcome::new(*origin, message(id, author), *place);
        let outcomes: Vec<_> = posts.iter().map(outcome).collect();
        FanOut::cut(&outcomes).for_each(|fan_out| self.rooms.on_committed("r", &fan_out));
    }

    /// Who is here, in short.
    fn here(&mut self) -> Vec<String> {
        let mailbox = Arc::new(Mailbox::new(8, 10_000, unbounded()));
        let mut here: Vec<String> = self
            .rooms
            .join("r", 99, mailbox, ClientMode { lists_users: true, ..ClientMode::default() })
            .iter()
            .map(|user| who(&user.user_id, user.away))
            .collect();
        self.rooms.leave("r", 99, false, notice(8));
        here.sort();
        here
    }

    /// What waits for a connection, in short.
    fn got(&self, id: ConnectionId) -> Vec<String> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(item) = self.boxes[&id].poll_next(&mut cx) {
            all.push(match item {
                Delivery::Frame(frame) | Delivery::Texts { frame, .. } => match frame.message() {
                    Message::Binary(data) => format!("binary {data:?}"),
                    message => short(message),
                },
                Delivery::Stored { messages, frame } => {
                    format!("{messages} done {}", frame.map_or("-".into(), |frame| short(&frame)))
                }
                Delivery::Receipt(receipt) => {
                    short(&Message::from(everwire_chat_core::wire::Event::Receipt(receipt).to_json()))
                }
                Delivery::StoreFailed => "failed".into(),
                Delivery::Close(code, _) => format!("close {}", code.0),
            });
        }
        all
    }
}

fn short(frame: &Message) -> String {
    match serde_json::from_str(frame.as_text().unwrap()).unwrap() {
        serde_json::Value::Array(events) => format!("[{}]", events.iter().map(brief).collect::<Vec<_>>().join(", ")),
        event => brief(&event),
    }
}

fn brief(event: &serde_json::Value) -> String {
    let of = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let whom = if event["userId"].is_null() { of("id") } else { of("userId") };
    let place = event["offset"].as_u64().map_or(String::new(), |offset| format!(" {offset}"));
    format!("{} {}{place}", of("type"), who(&whom, event["away"] == true))
}

fn who(user: &str, away: bool) -> String {
    format!("{user}{}", if away { " away" } else { "" })
}

fn message(id: &str, user: &str) -> TextMessage {
    TextMessage {
        id: id.into(),
        user_id: user.into(),
        user_name: user.into(),
        text: "hi".into(),
        timestamp: 1,
        status: WireStatus::Sent,
        offset: None,
    }
}

#[test]
fn a_user_is_announced_once_to_the_others_and_missed_when_the_last_connection_has_gone() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    scene.join(3, "ben");
    assert_eq!(scene.got(1), ["user_joined ben"]);
    assert!(scene.got(2).is_empty() && scene.got(3).is_empty());
    assert!(scene.rooms.leave("r", 2, false, notice(8)).is_none());
    let leaving = scene.rooms.leave("r", 3, false, notice(8)).unwrap();
    assert!(scene.got(1).is_empty());
    scene.rooms.expire("r", &leaving, notice(9));
    scene.rooms.expire("r", &leaving, notice(9));
    assert_eq!(scene.got(1), ["user_left ben"]);
}

#[test]
fn who_comes_back_within_the_grace_was_never_gone() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    let leaving = scene.rooms.leave("r", 2, false, notice(8)).unwrap();
    scene.join(3, "ben");
    scene.rooms.expire("r", &leaving, notice(9));
    assert_eq!(scene.got(1), ["user_joined ben"]);
    // A later leaving counts on its own.
    let again = scene.rooms.leave("r", 3, false, notice(8)).unwrap();
    scene.rooms.expire("r", &leaving, notice(9));
    assert!(scene.got(1).is_empty());
    scene.rooms.expire("r", &again, notice(9));
    assert_eq!(scene.got(1), ["user_left ben"]);
}

#[test]
fn a_user_is_away_when_nobody_looks_at_any_of_their_clients() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "old");
    scene.join(3, "ben+");
    scene.join(4, "ben+");
    drop((scene.got(1), scene.got(2), scene.got(3)));
    scene.rooms.set_away("r", 3, true);
    scene.rooms.set_away("r", 3, true);
    assert!(scene.got(1).is_empty(), "somebody looks at the other one");
    scene.rooms.set_away("r", 4, true);
    assert_eq!(scene.got(1), ["presence ben+ away"]);
    assert!(scene.got(2).is_empty(), "plain clients know no such thing");
    assert!(scene.got(3).is_empty() && scene.got(4).is_empty(), "nor need those who said so be told");
    scene.join(5, "eve+");
    assert_eq!(scene.here(), ["ana+", "ben+ away", "eve+", "old"]);
    scene.rooms.set_away("r", 3, false);
    assert_eq!(scene.got(1), ["user_joined eve+", "presence ben+"]);
    scene.rooms.leave("r", 3, false, notice(8));
    assert_eq!(scene.got(1), ["presence ben+ away"], "the one where somebody looked is gone");
}

#[test]
fn who_is_away_stays_so_over_a_short_cut() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "ben+~");
    assert_eq!(scene.got(1), ["user_joined ben+~", "presence ben+~ away"]);
    let leaving = scene.rooms.leave("r", 2, false, notice(8)).unwrap();
    scene.join(3, "ben+~");
    scene.rooms.expire("r", &leaving, notice(9));
    assert!(scene.got(1).is_empty());
    assert_eq!(scene.here(), ["ana+", "ben+~ away"]);
}

#[test]
fn a_new_name_is_told_to_the_others_once() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "ben+");
    scene.join(3, "old");
    (1..=3).for_each(|id| drop(scene.got(id)));
    scene.rooms.rename("r", 2, "Benjamin");
    scene.rooms.rename("r", 2, "Benjamin");
    assert_eq!(scene.got(1), ["presence ben+"]);
    assert!(scene.got(2).is_empty() && scene.got(3).is_empty());
    let mailbox = Arc::new(Mailbox::new(8, 10_000, unbounded()));
    let here = scene.rooms.join("r", 4, mailbox, ClientMode { lists_users: true, ..ClientMode::default() });
    assert!(here.iter().any(|user| user.user_name == "Benjamin"), "{here:?}");
    // By the name that it comes in with, too.
    let mailbox = Arc::new(Mailbox::new(8, 10_000, unbounded()));
    scene.rooms.join("r", 5, mailbox, ClientMode::default());
    scene.rooms.identify("r", 5, User::new("ben+", "Ben"), notice(8));
    assert_eq!(scene.got(1), ["presence ben+"]);
}

#[test]
fn who_says_goodbye_is_gone_at_once() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    assert!(scene.rooms.leave("r", 2, true, notice(8)).is_none());
    assert_eq!(scene.got(1), ["user_joined ben", "user_left ben"]);
}

#[test]
fn a_message_goes_to_all_but_the_connection_it_came_from_and_a_repeat_to_nobody() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "ana+");
    scene.join(3, "ben");
    drop((scene.got(1), scene.got(2)));
    scene.commit(&[(1, "m", "ana+", New(5))]);
    assert_eq!(scene.got(1), ["1 done stored m 5"]);
    assert_eq!(scene.got(2), ["text ana+ 5"]);
    assert_eq!(scene.got(3), ["text ana+ 5"]);
    scene.commit(&[(3, "m", "ana+", Duplicate(5))]);
    assert_eq!(scene.got(3), ["1 done -"]);
    assert!(scene.got(1).is_empty() && scene.got(2).is_empty());
}

#[test]
fn what_a_room_is_told_is_encoded_once_for_all() {
    let mut scene = Scene::new();
    (1..=3).for_each(|id| scene.join(id, "ana"));
    (4..=5).for_each(|id| scene.join(id, "ana+"));
    (1..=5).for_each(|id| drop(scene.got(id)));
    scene.commit(&[(1, "m", "ana", New(1)), (1, "n", "ana", New(2))]);
    let mut cx = Context::from_waker(Waker::noop());
    for pair in [[2, 3], [4, 5]] {
        let [one, other] = pair.map(|id| match scene.boxes[&id].poll_next(&mut cx) {
            Poll::Ready(Delivery::Texts { frame, .. }) => frame,
            other => panic!("{other:?}"),
        });
        assert!(std::ptr::eq(one.message(), other.message()));
    }
}

#[test]
fn typing_and_binary_go_to_the_others_only() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    drop(scene.got(1));
    let signal = Typing { id: "t".into(), user_id: "ben".into(), user_name: "B".into(), is_typing: true, timestamp: 1 };
    scene.rooms.typing("r", 2, signal);
    scene.rooms.binary("r", 2, &Message::binary(vec![1]));
    assert_eq!(scene.got(1), ["typing ben", "binary b\"\\x01\""]);
    assert!(scene.got(2).is_empty());
}

#[test]
fn a_member_for_whom_too_much_waits_is_closed_and_costs_no_more() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    drop(scene.got(1));
    for n in 0..100 {
        scene.commit(&[(2, &n.to_string(), "ben", New(n))]);
    }
    assert_eq!(scene.got(1), ["close 1013"]);
    assert_eq!(scene.got(2), ["close 1013"]);
    let big = Mailbox::new(100, 1000, unbounded());
    big.deliver(Delivery::Frame(Message::from("x".repeat(1001)).into()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(big.poll_next(&mut cx), Poll::Ready(Delivery::Close(code, _)) if code.0 == 1013));
}

fn unbounded() -> Arc<MailboxBudget> {
    Arc::new(MailboxBudget::new(usize::MAX))
}

#[test]
fn what_waits_for_all_is_bounded_and_who_has_more_than_a_share_is_closed_for_it() {
    const MOST: usize = 40_000;
    let budget = Arc::new(MailboxBudget::new(MOST));
    let boxes: Vec<_> = (0..10).map(|_| Mailbox::new(usize::MAX, usize::MAX, Arc::clone(&budget))).collect();
    let say = |to: &Mailbox| to.deliver(Delivery::Frame(Message::from("x".repeat(900)).into()));
    let closed = |mailbox: &Mailbox| matches!(mailbox.poll_end(&mut Context::from_waker(Waker::noop())), Poll::Ready(Delivery::Close(code, _)) if code.0 == 1013);
    // Two do not read; nobody pays for them but they.
    for _ in 0..100 {
        say(&boxes[0]);
        say(&boxes[1]);
        assert!(budget.bytes() <= MOST, "{}", budget.bytes());
    }
    boxes[2..].iter().for_each(say);
    assert!(closed(&boxes[0]) && closed(&boxes[1]));
    assert!(boxes[2..].iter().all(|mailbox| !closed(mailbox)));
    // When nobody reads, everybody has a share, and all of them are bounded.
    for _ in 0..100 {
        boxes.iter().for_each(say);
        assert!(budget.bytes() <= MOST, "{}", budget.bytes());
    }
    drop(boxes);
    assert_eq!(budget.bytes(), 0);
}

#[test]
fn what_is_taken_counts_no_more() {
    let budget = Arc::new(MailboxBudget::new(10_000));
    let mailbox = Mailbox::new(usize::MAX, usize::MAX, Arc::clone(&budget));
    for _ in 0..100 {
        mailbox.deliver(Delivery::Frame(Message::from("x".repeat(900)).into()));
        assert!(budget.bytes() > 900);
        let taken = mailbox.poll_next(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(taken, Poll::Ready(Delivery::Frame(_))));
        assert_eq!(budget.bytes(), 0);
    }
}

#[test]
fn typing_signals_are_left_out_before_a_member_is_closed_for_them() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    let signal = Typing { id: "t".into(), user_id: "ben".into(), user_name: "B".into(), is_typing: true, timestamp: 1 };
    (0..100).for_each(|_| scene.rooms.typing("r", 2, signal.clone()));
    assert_eq!(scene.got(1).len(), 4);
}

#[test]
fn a_post_that_failed_is_told_to_its_sender_only() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    scene.rooms.on_failed("r", 2);
    assert_eq!(scene.got(2), ["failed"]);
    assert_eq!(scene.got(1), ["user_joined ben"]);
}

#[test]
fn an_empty_room_is_forgotten() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    let leaving = scene.rooms.leave("r", 1, false, notice(8)).unwrap();
    scene.rooms.expire("r", &leaving, notice(9));
    assert!(scene.rooms.census().rooms == 0);
}

#[test]
fn the_sender_of_an_id_that_is_taken_is_told_if_it_understands() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "ben");
    drop(scene.got(1));
    scene.commit(&[(1, "m", "ana+", IdTaken)]);
    scene.commit(&[(2, "m", "ben", IdTaken)]);
    assert_eq!(scene.got(1), ["1 done rejected m"]);
    assert_eq!(scene.got(2), ["1 done -"]);
}

#[test]
fn who_comes_in_while_the_server_ends_is_sent_away_as_well() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.rooms.close();
    scene.join(2, "ben");
    assert_eq!((scene.got(1), scene.got(2)), (vec!["close 1012".to_owned()], vec!["close 1012".to_owned()]));
}

#[test]
fn the_end_is_seen_without_taking_anything_else() {
    let mailbox = Mailbox::new(1, 1000, unbounded());
    let mut cx = Context::from_waker(Waker::noop());
    mailbox.deliver(Delivery::StoreFailed);
    assert!(mailbox.poll_end(&mut cx).is_pending());
    mailbox.deliver(Delivery::StoreFailed);
    assert!(matches!(mailbox.poll_end(&mut cx), Poll::Ready(Delivery::Close(code, _)) if code.0 == 1013));
}

#[test]
fn a_room_that_nobody_is_in_is_known_until_its_marks_are_stored() {
    let mut scene = Scene::new();
    scene.join(1, "ana");
    scene.join(2, "ben");
    scene.commit(&[(1, "m", "ana", New(1))]);
    scene.rooms.receipt("r", 2, Receipt { delivered: 1, read: 0 });
    let unsaved = scene.rooms.unsaved_receipts();
    for id in [1, 2] {
        scene.rooms.leave("r", id, true, notice(8));
    }
    assert!(!scene.rooms.is_unknown("r"), "who asks the history now is told too little");
    scene.rooms.receipts_saved(&unsaved);
    assert!(scene.rooms.is_unknown("r"));
}

#[test]
fn what_was_recalled_before_a_room_was_forgotten_is_not_put_in() {
    let mut scene = Scene::new();
    let before = scene.rooms.forgotten("r");
    scene.join(1, "ana");
    scene.rooms.leave("r", 1, true, notice(8));
    assert!(scene.rooms.is_unknown("r"));
    scene.rooms.recall("r", before, StoredReceipts::default(), &[]);
    assert!(scene.rooms.is_unknown("r"), "marks may have risen and been stored since");
    scene.rooms.recall("r", scene.rooms.forgotten("r"), StoredReceipts::default(), &[]);
    assert!(!scene.rooms.is_unknown("r"));
}

#[test]
fn a_users_other_connections_hear_how_far_it_has_read_and_nobody_else_does() {
    let mut scene = Scene::new();
    for (id, name) in [(1, "ana+"), (2, "ana+"), (3, "ana"), (4, "ben+")] {
        scene.join(id, name);
    }
    let heard = |scene: &Scene, id| -> Vec<String> {
        scene.got(id).into_iter().filter(|event| event.starts_with("read_position")).collect()
    };
    // Those who know the extensions have a plus in their ids.
    assert_eq!(scene.rooms.resume_reading("r", "ana+", Some(3), 9), 3);
    scene.rooms.receipt("r", 1, Receipt { delivered: 5, read: 3 });
    assert!(heard(&scene, 2).is_empty(), "that was known");
    scene.rooms.receipt("r", 1, Receipt { delivered: 5, read: 5 });
    assert_eq!(heard(&scene, 2), ["read_position  5"]);
    assert!([1, 3, 4].iter().all(|id| heard(&scene, *id).is_empty()), "nobody else");
    scene.rooms.receipt("r", 4, Receipt { delivered: 4, read: 4 });
    let mut unsaved = scene.rooms.unsaved_positions(10);
    unsaved.sort_by(|one, other| one.user.cmp(&other.user));
    let brief: Vec<_> = unsaved.iter().map(|kept| (kept.user.as_str(), kept.offset)).collect();
    assert_eq!(brief, [("ana+", 5), ("ben+", 4)]);
    scene.rooms.receipt("r", 2, Receipt { delivered: 6, read: 6 });
    scene.rooms.positions_saved(unsaved);
    let left = scene.rooms.unsaved_positions(10);
    assert_eq!(left.iter().map(|kept| kept.offset).collect::<Vec<_>>(), [6], "it has risen since");
    assert_eq!(scene.rooms.read_position("r", "ana+"), Some(6));
    assert_eq!(scene.rooms.resume_reading("r", "new", None, 9), 9, "who comes for the first time has missed nothing");
}
