//! Bytes through a faulty connection.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Link, Output};
use crate::faults::{
    Direction, Directions, Ending, Fault, FaultPlan, LinkEvent, Opening, Profile, Rule, Schedule, When,
};
use Direction::{ToClient, ToServer};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn link(rules: impl IntoIterator<Item = Rule>) -> Link {
    let schedule = rules.into_iter().fold(Schedule::new(1), Schedule::rule);
    match FaultPlan::new(schedule).unwrap().connect(Duration::ZERO).opening {
        Opening::Forward { faults, .. } => Link::new(faults),
        other => panic!("{other:?}"),
    }
}

/// Everything that arrives by `now`, and the end if it has.
fn heard(link: &mut Link, now: Duration, direction: Direction) -> (Vec<u8>, Option<Ending>) {
    let (mut bytes, mut end) = (Vec::new(), None);
    while let Some(output) = link.pop(now, direction) {
        assert_eq!(end, None, "nothing follows an end");
        match output {
            Output::Bytes(piece) => bytes.extend(piece),
            Output::End(ending) => end = Some(ending),
        }
    }
    (bytes, end)
}

#[test]
fn bytes_and_the_end_go_through() {
    let mut link = link([]);
    link.push(ms(0), ToServer, "hello ");
    link.push(ms(0), ToServer, "world");
    link.end(ms(0), ToServer, Ending::Close);
    link.push(ms(0), ToServer, "ignored");
    assert_eq!(heard(&mut link, ms(0), ToServer), (b"hello world".to_vec(), Some(Ending::Close)));
    assert!(link.is_silent(ToServer) && !link.is_silent(ToClient));
    assert_eq!(link.deadline(), None);
}

#[test]
fn a_cut_that_only_the_client_sees_leaves_the_server_in_silence() {
    let rule = Rule::new(Fault::Cut(Ending::Reset)).direction(Directions::ToClient).when(When::At(ms(10)));
    let mut link = link([rule]);
    link.push(ms(5), ToServer, "before");
    assert_eq!(heard(&mut link, ms(10), ToServer), (b"before".to_vec(), None));
    assert_eq!(heard(&mut link, ms(10), ToClient), (vec![], Some(Ending::Reset)));
    link.push(ms(11), ToServer, "after");
    link.push(ms(11), ToClient, "after");
    assert_eq!(heard(&mut link, ms(99), ToServer), (vec![], None));
    assert_eq!(heard(&mut link, ms(99), ToClient), (vec![], None));
    assert!(link.is_silent(ToServer) && link.is_silent(ToClient));
    assert!(matches!(link.poll_event(ms(99)), Some(LinkEvent::Cut { .. })));
}

#[test]
fn a_cut_loses_what_is_still_under_way() {
    let rules = [
        Rule::new(Fault::Delay { by: ms(100), jitter: ms(0) }),
        Rule::new(Fault::Cut(Ending::Reset)).when(When::At(ms(150))),
    ];
    let mut link = link(rules);
    link.push(ms(0), ToServer, "arrives");
    link.push(ms(60), ToServer, "does not");
    // A late look finds the same.
    assert_eq!(heard(&mut link, ms(1_000), ToServer), (b"arrives".to_vec(), Some(Ending::Reset)));
}

#[test]
fn a_cut_by_messages_falls_behind_the_whole_message_in_real_frames() {
    let rule = Rule::new(Fault::Cut(Ending::Close)).when(When::Messages(1..=1)).counting(Directions::ToServer);
    let mut link = link([rule]);
    let head = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let message = [0x81, 0x82, 1, 2, 3, 4, b'h', b'i'];
    let all = [&head[..], &message, &message].concat();
    link.push(ms(0), ToServer, Bytes::from(all));
    let (bytes, end) = heard(&mut link, ms(0), ToServer);
    assert_eq!(bytes, [&head[..], &message].concat());
    assert_eq!(end, Some(Ending::Close));
}

#[test]
fn room_is_used_up_by_what_is_held_and_comes_back_with_what_leaves() {
    let mut link = link([Rule::new(Fault::Stall).when(When::At(ms(0))).lasting(ms(100))]).with_room(8);
    link.push(ms(0), ToServer, "12345");
    assert_eq!((link.room(ToServer), link.room(ToClient)), (3, 8));
    link.push(ms(0), ToServer, "6789");
    assert_eq!(link.room(ToServer), 0);
    assert_eq!(link.deadline(), Some(ms(0)), "the stall has begun");
    assert!(link.poll_event(ms(0)).is_some());
    assert_eq!(link.deadline(), Some(ms(100)));
    assert_eq!(heard(&mut link, ms(100), ToServer).0, b"123456789");
    assert_eq!(link.room(ToServer), 8);
}

#[test]
fn other_faults_free_what_the_old_ones_held_and_a_cut_is_final() {
    let mut link = link([Rule::new(Fault::BlackHole)]);
    link.push(ms(0), ToServer, "held");
    link.end(ms(0), ToServer, Ending::Close);
    assert_eq!(heard(&mut link, ms(9), ToServer), (vec![], None));
    link.replace(ms(10), crate::faults::LinkFaults::none());
    assert_eq!(heard(&mut link, ms(10), ToServer), (b"held".to_vec(), Some(Ending::Close)));
    link.cut(ms(11), Ending::Reset);
    link.replace(ms(12), crate::faults::LinkFaults::none());
    link.push(ms(12), ToClient, "nobody hears it");
    assert_eq!(heard(&mut link, ms(12), ToClient), (vec![], Some(Ending::Reset)));
    assert_eq!(heard(&mut link, ms(12), ToServer), (vec![], None), "it has had its end");
}

#[test]
fn a_pause_keeps_everything_and_a_cut_within_it_loses_that() {
    let mut paused = link([]);
    paused.pause(true);
    paused.push(ms(0), ToServer, "kept");
    assert_eq!((heard(&mut paused, ms(9), ToServer), paused.deadline()), ((vec![], None), None));
    assert!(!paused.is_silent(ToServer));
    paused.pause(false);
    assert_eq!(heard(&mut paused, ms(9), ToServer).0, b"kept");
    paused.pause(true);
    paused.push(ms(10), ToServer, "lost");
    paused.cut(ms(11), Ending::Close);
    assert_eq!(heard(&mut paused, ms(11), ToServer), (vec![], Some(Ending::Close)));
    assert_eq!(heard(&mut paused, ms(11), ToClient), (vec![], Some(Ending::Close)));
}

#[test]
fn a_large_chunk_in_small_pieces_is_not_decided_all_at_once() {
    let mut link = link([Rule::new(Fault::Split { size: 1, gap: ms(0) })]);
    link.push(ms(0), ToServer, vec![7; 100_000]);
    assert!(link.pipe(ToServer).due.len() <= super::AHEAD);
    assert_eq!(heard(&mut link, ms(0), ToServer).0.len(), 100_000);
}

#[test]
fn what_was_pushed_apart_stays_apart_when_pieces_have_gaps() {
    let mut link = link([Rule::new(Fault::Split { size: 4, gap: ms(1) })]);
    link.push(ms(0), ToServer, "a");
    link.push(ms(0), ToServer, "b");
    assert_eq!(heard(&mut link, ms(0), ToServer).0, b"a");
    assert_eq!(heard(&mut link, ms(1), ToServer).0, b"b");
}

fn profile() -> impl Strategy<Value = Profile> {
    proptest::sample::select(Profile::all().collect::<Vec<_>>())
}

/// How often one pushes how much, and how long it is until the next.
fn traffic() -> impl Strategy<Value = Vec<(bool, usize, u64)>> {
    proptest::collection::vec((any::<bool>(), 1_usize..2_000, 0_u64..500), 1..60)
}

/// Bytes of which each tells its place.
fn numbered(from: usize, len: usize) -> Bytes {
    (from..from + len).map(|place| (place * 31 % 251) as u8).collect()
}

proptest! {
    #[test]
    fn what_arrives_is_a_prefix_of_what_was_sent_unless_a_rule_corrupts(
        seed: u64, profile in profile(), traffic in traffic()
    ) {
        let mut plan = FaultPlan::random(seed, profile);
        let corrupting = plan.schedule().rules.iter().filter(|rule| matches!(rule.fault, Fault::Corrupt(_))).count();
        for _ in 0..4 {
            let Opening::Forward { at, faults } = plan.connect(ms(0)).opening else { continue };
            let mut link = Link::new(faults);
            let mut sent = [0; 2];
            let mut arrived = [Vec::new(), Vec::new()];
            let mut now = ms(0);
            for (to_server, len, pause) in &traffic {
                let direction = if *to_server { ToServer } else { ToClient };
                link.push(now, direction, numbered(sent[direction as usize], *len));
                sent[direction as usize] += len;
                now += ms(*pause);
                for direction in Direction::ALL {
                    let bytes = heard(&mut link, now, direction).0;
                    prop_assert!(bytes.is_empty() || direction == ToClient || now >= at, "before the server sees it");
                    arrived[direction as usize].extend(bytes);
                }
            }
            for direction in Direction::ALL {
                let arrived = &arrived[direction as usize];
                let expected = numbered(0, arrived.len());
                prop_assert!(arrived.len() <= sent[direction as usize]);
                let wrong = arrived.iter().zip(&expected).filter(|(one, other)| one != other).count();
                prop_assert!(wrong <= corrupting, "{wrong} bytes differ");
            }
        }
    }

    #[test]
    fn how_the_bytes_are_cut_up_and_how_often_one_looks_changes_nothing_of_when_they_arrive_or_are_lost(
        seed: u64, profile in profile(), pieces in proptest::collection::vec(1_usize..400, 1..20)
    ) {
        // What shapes traffic works on runs of bytes, so it does depend on them.
        let mut schedule = Schedule::random(seed, profile);
        let shapes = |rule: &Rule| {
            matches!(rule.fault, Fault::Delay { .. } | Fault::Split { .. } | Fault::Bandwidth(_))
        };
        schedule.rules.retain(|rule| !shapes(rule));
        let run = |pieces: &[usize], step: u64| {
            let mut plan = FaultPlan::new(schedule.clone()).unwrap();
            let Opening::Forward { faults, .. } = plan.connect(ms(0)).opening else { return Vec::new() };
            let mut link = Link::new(faults);
            let mut sent = 0;
            for len in pieces {
                link.push(ms(0), ToServer, numbered(sent, *len));
                sent += len;
            }
            // What has arrived by the end of every tenth second.
            let mut by = Vec::new();
            let mut arrived = Vec::new();
            for now in (0..=40_000).step_by(usize::try_from(step).unwrap()) {
                arrived.extend(heard(&mut link, ms(now), ToServer).0);
                if now % 10_000 == 0 {
                    by.push(arrived.clone());
                }
            }
            by
        };
        let whole: usize = pieces.iter().sum();
        let (pieces, whole) = (run(&pieces, 100), run(&[whole], 2_000));
        let lengths = |by: &[Vec<u8>]| by.iter().map(Vec::len).collect::<Vec<_>>();
        prop_assert_eq!(lengths(&pieces), lengths(&whole));
        prop_assert!(pieces == whole, "bytes differ");
    }
}
