use std::task::Waker;

use super::*;

fn mailbox(messages: usize, bytes: usize) -> Arc<Mailbox> {
    reading(messages, bytes, Reading::Plain)
}

fn reading(messages: usize, bytes: usize, reading: Reading) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(Bounds { messages, bytes }, reading, Arc::default()))
}

fn deliver(mailbox: &Mailbox, numbers: std::ops::Range<u32>) -> u64 {
    mailbox.deliver(&mut numbers.map(|n| Message::from(n.to_string())).collect(), Limit::Usual)
}

fn drain(inbox: &mut Inbox) -> Vec<u32> {
    std::iter::from_fn(|| inbox.try_next())
        .map(|message| message.as_text().expect("text").parse().expect("a number"))
        .collect()
}

fn room(mailbox: &Mailbox) -> Room {
    room_within(mailbox, Limit::Usual)
}

fn room_within(mailbox: &Mailbox, limit: Limit) -> Room {
    mailbox.poll_room(limit, &Context::from_waker(Waker::noop()))
}

#[test]
fn t15_messages_come_in_order_and_the_bound_covers_what_the_reader_holds() {
    let mailbox = mailbox(8, 1000);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    assert_eq!(deliver(&mailbox, 0..8), 0);
    assert!(room(&mailbox).is_none());

    assert_eq!(drain(&mut inbox), (0..8).collect::<Vec<_>>());
    assert_eq!(room(&mailbox).messages, 8);

    assert_eq!(deliver(&mailbox, 8..16), 0);
    assert!(inbox.try_next().is_some());
    assert!(room(&mailbox).is_none(), "what was taken counts until it is consumed");
    assert_eq!(mailbox.counts(), (8, 0));
}

#[test]
fn bytes_are_bounded_as_well_as_messages() {
    let mailbox = mailbox(100, 10);
    let _inbox = Inbox::attach(Arc::clone(&mailbox));
    mailbox.deliver(&mut vec![Message::from("123456"), Message::from("1234567")], Limit::Usual);
    assert!(room(&mailbox).is_none());
    assert_eq!(mailbox.counts(), (2, 0), "one may exceed the bound");
}

#[test]
fn before_anybody_asks_the_newest_are_kept_and_the_rest_is_counted() {
    let mailbox = mailbox(4, 1000);
    assert_eq!(room(&mailbox), Room::UNBOUNDED);
    assert_eq!(deliver(&mailbox, 0..10), 6);
    assert_eq!(deliver(&mailbox, 10..11), 1);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    assert_eq!(drain(&mut inbox), [7, 8, 9, 10]);
    assert_eq!(mailbox.counts().1, 7);
}

#[test]
fn after_the_inbox_is_dropped_everything_is_discarded_and_counted() {
    let mailbox = mailbox(4, 1000);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    deliver(&mailbox, 0..4);
    assert!(inbox.try_next().is_some());
    drop(inbox);
    assert_eq!(room(&mailbox), Room::UNBOUNDED);
    assert_eq!(deliver(&mailbox, 4..6), 2);
    assert_eq!(mailbox.counts(), (0, 5));
}

#[test]
fn a_later_inbox_takes_over_and_nothing_is_lost_or_doubled() {
    let mailbox = mailbox(8, 1000);
    let mut first = Inbox::attach(Arc::clone(&mailbox));
    deliver(&mailbox, 0..8);
    assert!(first.try_next().is_some());
    let mut second = Inbox::attach(Arc::clone(&mailbox));
    assert_eq!(drain(&mut first), Vec::<u32>::new(), "it has ended");
    drop(first);
    assert_eq!(drain(&mut second), (1..8).collect::<Vec<_>>(), "also what the earlier one held");
    deliver(&mailbox, 8..9);
    assert_eq!(drain(&mut second), [8]);
    assert_eq!(mailbox.counts(), (0, 0));
}

#[tokio::test]
async fn it_ends_when_nothing_more_comes_by_itself_and_goes_on_when_it_does() {
    let mailbox = mailbox(8, 1000);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    deliver(&mailbox, 0..2);
    assert!(mailbox.set_ended(true));
    assert_eq!(inbox.next().await, Some(Message::from("0")));
    assert_eq!(inbox.next().await, Some(Message::from("1")));
    assert_eq!(inbox.next().await, None);
    assert!(!mailbox.set_ended(false));
    let (next, _) = tokio::join!(inbox.next(), async { deliver(&mailbox, 2..3) });
    assert_eq!(next, Some(Message::from("2")));
}

#[tokio::test]
async fn a_reader_that_is_always_served_lets_other_tasks_run() {
    let mailbox = mailbox(2, 1000);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    let other = tokio::spawn(std::future::ready(()));
    let mut reads = 0;
    while !other.is_finished() {
        deliver(&mailbox, 0..1);
        assert!(inbox.next().await.is_some());
        reads += 1;
        assert!(reads < 1_000_000, "the other task starves");
    }
}

#[test]
fn beyond_its_bound_it_takes_what_is_read_for_the_sake_of_evidence_and_nothing_is_lost_or_discarded() {
    let mailbox = mailbox(4, 1000);
    let mut inbox = Inbox::attach(Arc::clone(&mailbox));
    assert_eq!(deliver(&mailbox, 0..4), 0);
    assert!(room(&mailbox).is_none());
    let beyond = room_within(&mailbox, Limit::Hard);
    assert_eq!((beyond.messages, beyond.bytes), ((1 << 16) - 4, (64 << 20) - 4));
    assert_eq!(mailbox.deliver(&mut vec![Message::from("4")], Limit::Hard), 0);
    assert!(room(&mailbox).is_none());
    assert_eq!(drain(&mut inbox), [0, 1, 2, 3, 4]);
    assert_eq!((room(&mailbox).messages, mailbox.counts()), (4, (0, 0)));
}

#[test]
fn a_later_inbox_in_a_session_goes_on_where_the_earlier_one_was_and_acknowledges_nothing_unread() {
    let mailbox = reading(200, 1000, Reading::Session { manual_acks: false });
    let mut first = Inbox::attach(Arc::clone(&mailbox));
    deliver(&mailbox, 0..100);
    assert_eq!(first.try_next(), Some(Message::from("0")));
    let mut second = Inbox::attach(Arc::clone(&mailbox));
    assert_eq!((second.position(), mailbox.processed()), (1, Some(0)));
    assert_eq!(second.try_next(), Some(Message::from("1")));
    assert_eq!(mailbox.processed(), Some(1), "what the earlier one has handed out");
    assert_eq!(first.try_next(), None);
    drop(first);
    assert_eq!((mailbox.processed(), mailbox.counts()), (Some(1), (100, 0)));
    assert_eq!(drain(&mut second), (2..100).collect::<Vec<_>>());
    assert_eq!(mailbox.processed(), Some(100));
}

#[test]
fn what_is_dropped_with_the_inbox_is_counted_once_and_left_to_the_driver_to_tell() {
    for way in [Reading::Plain, Reading::Session { manual_acks: false }, Reading::Session { manual_acks: true }] {
        let mailbox = reading(8, 1000, way);
        let mut inbox = Inbox::attach(Arc::clone(&mailbox));
        deliver(&mailbox, 0..6);
        assert!(inbox.try_next().is_some());
        assert!(!mailbox.has_news(0));
        drop(inbox);
        assert!(mailbox.has_news(6));
        assert_eq!((mailbox.take_untold(), mailbox.take_untold(), mailbox.counts()), (5, 0, (0, 5)));
        assert!(way == Reading::Plain || mailbox.processed() == Some(6), "whoever drops it has done with all");
    }
}
