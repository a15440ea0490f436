//! What the machine decides, without bytes.

use std::time::Duration;

use super::{Chunk, Decision, Fate, LinkEvent, LinkFaults};
use crate::faults::{Direction, Directions, Ending, Fault, FaultPlan, Opening, Rule, Schedule, When};
use Direction::{ToClient, ToServer};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A connection that opens at once under these rules.
fn faults(rules: impl IntoIterator<Item = Rule>) -> LinkFaults {
    let schedule = rules.into_iter().fold(Schedule::new(1), Schedule::rule);
    match FaultPlan::new(schedule).unwrap().connect(Duration::ZERO).opening {
        Opening::Forward { faults, .. } => faults,
        other => panic!("{other:?}"),
    }
}

fn deliver(len: usize, at: Duration) -> Decision {
    Decision { len, fate: Fate::Deliver { at } }
}

#[test]
fn without_faults_everything_arrives_at_once_and_whole() {
    let mut faults = LinkFaults::none();
    assert_eq!(faults.decide(ms(5), ToServer, Chunk::bytes(1000)), deliver(1000, ms(5)));
    assert_eq!(faults.decide_end(ms(6), ToServer), Fate::Deliver { at: ms(6) });
    assert_eq!((faults.deadline(), faults.poll_event(ms(10_000))), (None, None));
}

#[test]
fn a_cut_by_bytes_lets_exactly_so_many_through_and_then_tells_both_ends() {
    let rule = Rule::new(Fault::Cut(Ending::Reset)).when(When::Bytes(10..=10)).counting(Directions::ToServer);
    let mut faults = faults([rule]);
    assert_eq!(faults.decide(ms(1), ToClient, Chunk::bytes(500)), deliver(500, ms(1)), "the other way is not counted");
    assert_eq!(faults.decide(ms(1), ToServer, Chunk::bytes(7)), deliver(7, ms(1)));
    assert_eq!(faults.decide(ms(2), ToServer, Chunk::bytes(7)), deliver(3, ms(2)));
    assert_eq!(faults.decide(ms(2), ToServer, Chunk::bytes(4)).fate, Fate::Hold);
    assert_eq!(faults.decide(ms(2), ToClient, Chunk::bytes(4)).fate, Fate::Hold);
    let event = faults.poll_event(ms(2)).unwrap();
    assert!(
        matches!(event, LinkEvent::Cut { at, directions: Directions::Both, ending: Ending::Reset, .. } if at == ms(2)),
        "{event:?}"
    );
    assert_eq!(faults.poll_event(ms(9)), None);
    assert_eq!(faults.decide_end(ms(9), ToClient), Fate::Hold);
}

#[test]
fn a_cut_after_zero_bytes_lets_nothing_through() {
    let mut faults = faults([Rule::new(Fault::Cut(Ending::Close)).when(When::Bytes(0..=0))]);
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(1)).fate, Fate::Hold);
    assert!(matches!(faults.poll_event(ms(0)), Some(LinkEvent::Cut { .. })));
}

#[test]
fn a_cut_by_messages_falls_on_the_end_of_one() {
    let mut faults = faults([Rule::new(Fault::Cut(Ending::Reset)).when(When::Messages(2..=2))]);
    assert!(faults.counts_messages());
    let first = Chunk { len: 100, message_end: Some(30) };
    assert_eq!(faults.decide(ms(0), ToServer, first), deliver(30, ms(0)));
    assert_eq!(faults.decide(ms(0), ToServer, Chunk { len: 70, message_end: None }), deliver(70, ms(0)));
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::message(8)), deliver(8, ms(0)), "both ways together");
    assert!(!faults.counts_messages());
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(1)).fate, Fate::Hold);
}

#[test]
fn a_cut_by_time_drops_what_would_arrive_later() {
    let delay = Rule::new(Fault::Delay { by: ms(10), jitter: ms(0) });
    let mut faults = faults([delay, Rule::new(Fault::Cut(Ending::Reset)).when(When::After(ms(100)..=ms(100)))]);
    assert_eq!(faults.decide(ms(89), ToServer, Chunk::bytes(1)), deliver(1, ms(99)));
    assert_eq!(faults.decide(ms(90), ToServer, Chunk::bytes(1)).fate, Fate::Hold);
    assert!(matches!(faults.poll_event(ms(99)), Some(LinkEvent::Began { .. })), "the delay");
    assert_eq!(faults.poll_event(ms(99)), None);
    assert_eq!(faults.deadline(), Some(ms(100)));
    assert!(matches!(faults.poll_event(ms(150)), Some(LinkEvent::Cut { at, .. }) if at == ms(100)));
}

#[test]
fn a_half_open_connection_is_silent_one_way_and_lives_the_other() {
    let rule = Rule::new(Fault::BlackHole).direction(Directions::ToClient).when(When::Bytes(5..=5));
    let mut faults = faults([rule]);
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(9)), deliver(5, ms(0)));
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(4)).fate, Fate::Hold);
    assert_eq!(faults.decide_end(ms(0), ToClient), Fate::Hold, "not even the end arrives");
    assert_eq!(faults.decide(ms(60_000), ToServer, Chunk::bytes(9)), deliver(9, ms(60_000)));
}

#[test]
fn a_stall_holds_what_falls_into_it_until_its_end() {
    let rule = Rule::new(Fault::Stall).when(When::At(ms(100))).lasting(ms(50));
    let mut faults = faults([rule]);
    assert_eq!(faults.decide(ms(99), ToServer, Chunk::bytes(1)), deliver(1, ms(99)));
    assert_eq!(faults.decide(ms(100), ToServer, Chunk::bytes(1)), deliver(1, ms(150)));
    assert_eq!(faults.decide(ms(149), ToClient, Chunk::bytes(1)), deliver(1, ms(150)));
    assert_eq!(faults.decide(ms(150), ToServer, Chunk::bytes(1)), deliver(1, ms(150)));
    assert_eq!(faults.decide(ms(151), ToServer, Chunk::bytes(1)), deliver(1, ms(151)));
}

#[test]
fn one_stall_may_lead_into_another() {
    let first = Rule::new(Fault::Stall).when(When::At(ms(10))).lasting(ms(20));
    let second = Rule::new(Fault::Stall).when(When::At(ms(25))).lasting(ms(20));
    let mut faults = faults([second, first]);
    assert_eq!(faults.decide(ms(12), ToServer, Chunk::bytes(1)), deliver(1, ms(45)));
}

#[test]
fn delay_and_jitter_keep_the_order() {
    let mut faults = faults([Rule::new(Fault::Delay { by: ms(10), jitter: ms(500) })]);
    let mut last = Duration::ZERO;
    let mut bunched = 0;
    for now in 0..200 {
        let Fate::Deliver { at } = faults.decide(ms(now), ToServer, Chunk::bytes(1)).fate else { panic!("it is held") };
        assert!(at >= ms(now + 10) && at <= ms(now + 510).max(last), "{at:?}");
        assert!(at >= last);
        bunched += u32::from(at == last);
        last = at;
    }
    assert!(bunched > 50, "jitter that keeps the order makes bunches");
}

#[test]
fn bandwidth_spaces_bytes_out_and_lets_them_trickle() {
    let mut faults = faults([Rule::new(Fault::Bandwidth(1000))]);
    // A twentieth of a second's worth at a time.
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(120)), deliver(50, ms(50)));
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(70)), deliver(50, ms(100)));
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(20)), deliver(20, ms(120)));
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(50)), deliver(50, ms(50)), "each way has its own");
    assert_eq!(
        faults.decide(ms(500), ToServer, Chunk::bytes(10)),
        deliver(10, ms(510)),
        "an idle line saves nothing up"
    );
}

#[test]
fn splitting_makes_small_pieces_with_gaps() {
    let mut faults = faults([Rule::new(Fault::Split { size: 3, gap: ms(2) })]);
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(7)), deliver(3, ms(0)));
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(4)), deliver(3, ms(2)));
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(1)), deliver(1, ms(4)));
}

#[test]
fn what_lasts_for_a_while_ends() {
    let slow =
        Rule::new(Fault::Delay { by: ms(100), jitter: ms(0) }).when(When::After(ms(10)..=ms(10))).lasting(ms(20));
    let mut faults = faults([slow]);
    let at = |faults: &mut LinkFaults, now| faults.decide(ms(now), ToClient, Chunk::bytes(1)).fate;
    assert_eq!(at(&mut faults, 9), Fate::Deliver { at: ms(9) });
    assert_eq!(at(&mut faults, 10), Fate::Deliver { at: ms(110) });
    assert_eq!(at(&mut faults, 30), Fate::Deliver { at: ms(110) }, "not before what was sent earlier");
    assert_eq!(at(&mut faults, 200), Fate::Deliver { at: ms(200) });
}

#[test]
fn one_byte_is_corrupted_and_only_one() {
    let rule = Rule::new(Fault::Corrupt(0x80)).direction(Directions::ToClient).when(When::Bytes(4..=4));
    let mut faults = faults([rule]);
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(9)), deliver(9, ms(0)));
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(9)), deliver(4, ms(0)));
    assert_eq!(faults.poll_event(ms(0)), None, "nothing has happened yet");
    let changed = Decision { len: 1, fate: Fate::Corrupt { at: ms(0), xor: 0x80 } };
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(5)), changed);
    assert!(matches!(faults.poll_event(ms(0)), Some(LinkEvent::Began { .. })));
    assert_eq!(faults.decide(ms(0), ToClient, Chunk::bytes(4)), deliver(4, ms(0)));
}

#[test]
fn once_the_schedule_is_over_no_fault_begins_but_what_was_lost_stays_lost() {
    let rules = [
        Rule::new(Fault::BlackHole).direction(Directions::ToClient).when(When::At(ms(50))),
        Rule::new(Fault::Cut(Ending::Reset)).when(When::At(ms(100))),
        Rule::new(Fault::Corrupt(1)).direction(Directions::ToServer).when(When::Bytes(5..=5)),
    ];
    let schedule = rules.into_iter().fold(Schedule::new(1).until(ms(100)), Schedule::rule);
    let mut plan = FaultPlan::new(schedule).unwrap();
    let Opening::Forward { mut faults, .. } = plan.connect(ms(0)).opening else { panic!("it opens") };
    assert_eq!(faults.decide(ms(200), ToServer, Chunk::bytes(20)), deliver(5, ms(200)));
    assert_eq!(faults.decide(ms(200), ToServer, Chunk::bytes(15)), deliver(15, ms(200)));
    assert_eq!(faults.decide(ms(200), ToClient, Chunk::bytes(20)).fate, Fate::Hold);
    let Opening::Forward { mut faults, .. } = plan.connect(ms(100)).opening else { panic!("it opens") };
    assert_eq!(faults.decide(ms(200), ToClient, Chunk::bytes(20)), deliver(20, ms(200)));
}

#[test]
fn a_fault_of_one_moment_spares_connections_that_open_later_and_a_lasting_one_does_not() {
    let rules = [
        Rule::new(Fault::Cut(Ending::Reset)).when(When::At(ms(100))),
        Rule::new(Fault::Stall).when(When::At(ms(100))).lasting(ms(100)),
    ];
    let mut plan = FaultPlan::new(rules.into_iter().fold(Schedule::new(1), Schedule::rule)).unwrap();
    let Opening::Forward { mut faults, .. } = plan.connect(ms(150)).opening else { panic!("it opens") };
    assert_eq!(faults.decide(ms(150), ToServer, Chunk::bytes(1)), deliver(1, ms(200)));
    assert!(matches!(faults.poll_event(ms(300)), Some(LinkEvent::Began { at, .. }) if at == ms(150)));
    assert_eq!(faults.poll_event(ms(300)), None, "no cut");
}

#[test]
fn an_empty_chunk_and_the_end_of_time_do_no_harm() {
    let rules = [
        Rule::new(Fault::Delay { by: Duration::MAX, jitter: Duration::MAX }),
        Rule::new(Fault::Stall).lasting(Duration::MAX),
        Rule::new(Fault::Bandwidth(1)),
        Rule::new(Fault::Corrupt(1)),
    ];
    let mut faults = faults(rules);
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(0)).len, 0);
    assert_eq!(faults.decide(ms(0), ToServer, Chunk::bytes(usize::MAX)).len, 1);
    assert_eq!(faults.decide(Duration::MAX, ToServer, Chunk::bytes(10)).fate, Fate::Deliver { at: Duration::MAX });
}
