//! Peers that answer pings late, only in part, or never.

use everwire_core::{
    Answers, Cause, Config, Event, Guarantee, Loss, Outcome, PostMortem, Stage, State, TransportEvent,
};

use crate::support::{World, config, seconds};

/// The connection dies in silence, and the next one opens. How long it was open, in whole seconds.
fn dies(world: &mut World) -> u64 {
    let opened = world.now;
    let deaths = |world: &World| world.log.aborts().len();
    let before = deaths(world);
    while deaths(world) == before {
        world.passes(seconds(1.0));
        assert!(world.now.since(opened) < seconds(1000.0), "it does not die: {:?}", world.state());
    }
    let uptime = world.now.since(opened).as_secs();
    if !matches!(world.state(), State::Connecting { .. }) {
        world.passes_until_attempt();
    }
    world.opens();
    uptime
}

fn ends(world: &World) -> Vec<PostMortem> {
    let events = world.log.events().into_iter();
    events.filter_map(|event| if let Event::Disconnected(end) = event { Some(*end) } else { None }).collect()
}

fn told(world: &World) -> usize {
    world.log.events().iter().filter(|event| matches!(event, Event::PingsUnanswered { .. })).count()
}

#[test]
fn a_peer_that_never_answers_a_ping_is_waited_for_twice_as_long_each_time_up_to_minutes() {
    let mut world = World::connected(Config::default());
    let uptimes: Vec<_> = (0..7).map(|_| dies(&mut world)).collect();
    assert_eq!(uptimes, [35, 45, 65, 105, 185, 325, 325]);
    let ends = ends(&world);
    assert!(ends.iter().all(|end| end.answers == Answers::Never));
    let words = ends[0].to_string();
    assert!(words.contains("; the peer has never answered a ping; "), "{words}");
}

#[test]
fn while_it_is_waited_for_longer_it_still_hears_from_us_once_per_interval() {
    let mut world = World::connected(Config::default());
    for _ in 0..5 {
        dies(&mut world);
    }
    world.log.clear();
    world.passes(seconds(300.0));
    assert_eq!((world.state(), world.log.pings()), (&State::Connected, 13));
}

#[test]
fn one_answer_makes_the_time_out_the_usual_one_again() {
    let mut world = World::connected(Config::default());
    assert_eq!((dies(&mut world), dies(&mut world)), (35, 45));
    world.passes(seconds(25.0));
    world.pongs();
    dies(&mut world);
    let end = ends(&world).pop().unwrap();
    assert_eq!((end.cause, end.answers), (Cause::Dead { silent_for: seconds(35.0) }, Answers::Some));
}

#[test]
fn a_peer_that_has_answered_before_and_is_silent_from_the_start_is_said_to_have_answered_none() {
    let mut world = World::connected(Config::default());
    world.passes(seconds(25.0));
    world.pongs();
    dies(&mut world);
    dies(&mut world);
    let answers: Vec<_> = ends(&world).iter().map(|end| end.answers).collect();
    assert_eq!(answers, [Answers::Some, Answers::None]);
}

/// A server that answers nothing while it works on a job, which takes it so long. How often it was given the job.
fn starts_of_a_job_of(time: f64) -> usize {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let job = world.send("job");
    let mut starts = 1;
    world.flushes();
    while world.log.outcome(job).is_none() {
        let start = world.now;
        while world.now.since(start) < seconds(time) && *world.state() == State::Connected {
            world.passes(seconds(1.0));
        }
        if *world.state() == State::Connected {
            world.receives("done");
            while !world.pings.is_empty() {
                world.pongs();
            }
            assert_ne!(world.log.outcome(job), None, "all is answered");
            continue;
        }
        world.passes_until_attempt();
        world.opens();
        world.flushes();
        starts += world.wire.len();
    }
    assert_eq!(world.log.outcome(job), Some(Outcome::Received));
    starts
}

#[test]
fn a_job_that_takes_longer_than_the_heartbeat_allows_is_not_started_for_ever() {
    assert_eq!(starts_of_a_job_of(30.0), 1);
    assert_eq!(starts_of_a_job_of(44.0), 2);
    assert_eq!(starts_of_a_job_of(60.0), 3);
    assert_eq!(starts_of_a_job_of(180.0), 5);
}

#[test]
fn a_message_with_which_the_connection_dies_five_times_is_given_up_and_those_behind_it_go_on() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let [heavy, light] = world.sends(["heavy", "light"]);
    world.flushes();
    let mut connections = Vec::new();
    while world.log.outcome(heavy).is_none() {
        connections.push(world.wire.clone());
        dies(&mut world);
        world.flushes();
    }
    assert_eq!(connections, [&["heavy", "light"][..], &["heavy", "light"], &["heavy"], &["heavy"], &["heavy"]]);
    assert_eq!(world.log.outcome(heavy), Some(Outcome::Unknown(Stage::Written)));
    assert_eq!(world.wire, ["light"]);
    world.pongs();
    assert_eq!(world.log.outcome(light), Some(Outcome::Received));
}

#[test]
fn at_most_once_a_death_with_a_message_in_flight_changes_no_time_out() {
    let mut world = World::connected(Config::default());
    for _ in 0..3 {
        world.send("news");
        world.settles();
        world.send("into the hole");
        world.flushes();
        assert_eq!(dies(&mut world), 35);
    }
}

#[test]
fn that_a_peer_answers_no_ping_is_told_at_once_where_it_sends_other_things() {
    let mut world = World::connected(Config::default());
    world.send("a");
    world.flushes();
    assert_eq!(world.machine.stats().answers_pings, None);
    world.passes(seconds(0.1));
    world.receives("echo of a");
    world.passes(seconds(2.9));
    assert_eq!(told(&world), 0);
    let states = world.log.states().len();
    world.passes(seconds(0.2));
    assert_eq!((told(&world), world.machine.stats().answers_pings), (1, Some(false)));
    assert_eq!(world.log.states()[states..], [State::Connected], "the state is told again");
    world.passes(seconds(20.0));
    assert_eq!(told(&world), 1, "once for each connection");
    world.pongs();
    assert_eq!(world.machine.stats().answers_pings, Some(true), "it does after all");
    assert_eq!(world.log.states()[states..], [State::Connected, State::Connected]);
    world.passes(seconds(25.0));
    world.pongs();
    assert_eq!(world.log.states().len(), states + 2, "no more is news");
}

#[test]
fn that_a_feed_answers_no_ping_is_told_though_it_never_stops_sending() {
    let mut world = World::connected(Config::default());
    world.send("subscribe");
    world.flushes();
    for second in 0..60 {
        world.passes(seconds(1.0));
        world.receives("news");
        assert_eq!(told(&world), usize::from(second >= 34), "after {second} s");
    }
}

#[test]
fn a_peer_that_answers_pings_behind_a_long_job_is_not_said_to_answer_none() {
    let mut world = World::connected(config(|config| {
        config.guarantee = Guarantee::AtLeastOnce;
        (config.heartbeat.interval, config.heartbeat.timeout) = (Some(seconds(3.0)), seconds(2.0));
    }));
    let job = world.send("job1");
    world.flushes();
    assert_eq!(dies(&mut world), 5);
    world.flushes();
    world.passes(seconds(6.0));
    world.receives("accepted");
    world.passes(seconds(0.5));
    world.receives("done job1");
    world.passes(seconds(0.1));
    assert_eq!((told(&world), world.state()), (0, &State::Connected));
    world.pongs();
    assert_eq!((told(&world), world.log.outcome(job)), (0, Some(Outcome::Received)));
}

#[test]
fn a_feed_that_begins_after_a_long_silence_and_answers_no_ping_is_told_of_soon() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    world.send("subscribe");
    world.flushes();
    assert_eq!(dies(&mut world), 35);
    world.flushes();
    world.passes(seconds(44.0));
    for second in 0..6 {
        world.receives("news");
        assert_eq!(told(&world), usize::from(second >= 3), "after {second} s");
        world.passes(seconds(1.0));
    }
}

#[test]
fn a_peer_that_is_busy_or_still_sends_may_answer_yet_and_nothing_is_told() {
    let mut busy = World::connected(Config::default());
    busy.send("job");
    busy.flushes();
    busy.passes(seconds(24.0));
    assert_eq!((told(&busy), busy.machine.stats().answers_pings), (0, None));
    let mut sending = World::connected(Config::default());
    sending.send("list everything");
    sending.flushes();
    for _ in 0..20 {
        sending.passes(seconds(1.0));
        sending.receives("one of many");
    }
    assert_eq!(told(&sending), 0);
}

#[test]
fn nothing_is_told_of_answers_while_our_own_user_does_not_read() {
    let mut world = World::connected(Config::default());
    world.send("a");
    world.flushes();
    world.passes(seconds(0.1));
    world.receives("echo of a");
    world.transport(TransportEvent::ReadPaused);
    world.passes(seconds(60.0));
    assert_eq!(told(&world), 0);
    world.transport(TransportEvent::ReadResumed);
    world.pongs();
    world.passes(seconds(20.0));
    assert_eq!(told(&world), 0);
}

#[test]
fn a_peer_that_answers_only_the_first_of_several_pings_proves_what_it_can() {
    let mut world = World::connected(Config::default());
    let first = world.send("1");
    world.flushes();
    // A hint asks as well, at the same time.
    world.hint(everwire_core::Hint::Woke);
    assert_eq!(world.pings.len(), 2);
    let second = world.send("2");
    world.flushes();
    let answered = world.pings.pop_front().unwrap();
    world.pings.clear();
    world.transport(TransportEvent::Pong(answered));
    assert_eq!((world.log.outcome(first), world.log.outcome(second)), (Some(Outcome::Received), None));
    // Another ping asks for the second at once, instead of waiting for an answer that never comes.
    world.pongs();
    assert_eq!(world.log.outcome(second), Some(Outcome::Received));
}

#[test]
fn tcps_own_evidence_is_asked_for_only_where_a_peer_is_waited_for_longer() {
    let mut world = World::connected(Config::default());
    assert_eq!(world.machine.tcp_patience(), None);
    dies(&mut world);
    assert_eq!(world.machine.tcp_patience(), Some(seconds(35.0)));
    world.passes(seconds(25.0));
    world.pongs();
    assert_eq!(world.machine.tcp_patience(), None);
}

#[test]
fn a_message_is_sent_again_once_while_our_own_side_reads_nothing_and_then_ends() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let (first, second) = (world.send("1"), world.send("2"));
    let mut connections = 1;
    while world.log.outcome(second).is_none() {
        // The user awaits the outcome and takes nothing, so the inbox of the last connection is full on this one too.
        world.flushes();
        world.transport(TransportEvent::ReadStalled);
        dies(&mut world);
        connections += 1;
        assert!(connections < 20, "it is sent again for ever");
    }
    let unknown = Some(Outcome::Unknown(Stage::Written));
    assert_eq!((world.log.outcome(first), world.log.outcome(second)), (unknown, unknown));
    assert_eq!(connections, 3, "two connections were given up with them");
    assert!(ends(&world).iter().all(|end| matches!(end.cause, Cause::Lost(Loss::Unread { .. }))));
}

#[test]
fn who_reads_slowly_but_reads_has_its_messages_sent_again_until_they_are_proven() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let id = world.send("x");
    for _ in 0..10 {
        world.flushes();
        world.transport(TransportEvent::ReadStalled);
        dies(&mut world);
        world.transport(TransportEvent::ReadStalled);
        world.transport(TransportEvent::ReadResumed);
        assert_eq!(world.log.outcome(id), None);
    }
    world.flushes();
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}

#[test]
fn who_takes_a_message_between_two_unread_connections_has_its_messages_sent_again() {
    let mut world = World::connected(config(|config| config.guarantee = Guarantee::AtLeastOnce));
    let id = world.send("x");
    for _ in 0..5 {
        world.flushes();
        // The inbox has room for one, so one was taken since the last connection.
        world.receives("news");
        world.transport(TransportEvent::ReadStalled);
        dies(&mut world);
        assert_eq!(world.log.outcome(id), None);
    }
    world.flushes();
    world.pongs();
    assert_eq!(world.log.outcome(id), Some(Outcome::Received));
}
