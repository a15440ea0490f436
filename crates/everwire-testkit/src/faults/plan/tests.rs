//! Which connection meets which fate.

use std::time::Duration;

use super::{FaultPlan, Opening};
use crate::faults::{Answer, Connections, Fault, Profile, Rule, Schedule, When};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plan(rules: impl IntoIterator<Item = Rule>) -> FaultPlan {
    FaultPlan::new(rules.into_iter().fold(Schedule::new(3), Schedule::rule)).unwrap()
}

/// The numbers of those of the next `count` connections that are refused.
fn refused(plan: &mut FaultPlan, count: usize) -> Vec<u64> {
    let connections = (0..count).map(|_| plan.connect(ms(0)));
    connections.filter(|one| matches!(one.opening, Opening::Refuse)).map(|one| one.number).collect()
}

#[test]
fn a_rule_is_for_the_connections_that_it_names() {
    let refuse = || Rule::new(Fault::Refuse);
    assert_eq!(refused(&mut plan([refuse()]), 3), [1, 2, 3]);
    assert_eq!(refused(&mut plan([refuse().on(Connections::Only(vec![2, 5]))]), 9), [2, 5]);
    assert_eq!(refused(&mut plan([refuse().on(Connections::Every(3))]), 9), [3, 6, 9]);
    let by_chance = |name: &str| refused(&mut plan([refuse().named(name).on(Connections::Chance(0.3))]), 1_000);
    assert!((200..400).contains(&by_chance("a").len()), "{}", by_chance("a").len());
    assert_eq!(by_chance("a"), by_chance("a"));
    assert_ne!(by_chance("a"), by_chance("b"));
}

#[test]
fn taking_a_named_rule_away_changes_nothing_for_the_others() {
    let a = Rule::new(Fault::Mute).named("a").on(Connections::Chance(0.5));
    let b = Rule::new(Fault::Refuse).named("b").on(Connections::Chance(0.5));
    let alone = refused(&mut plan([b.clone()]), 200);
    let together = refused(&mut plan([b.clone(), a.clone()]), 200);
    assert_eq!(alone, together);
    let behind = refused(&mut plan([a, b]), 200);
    assert!(behind.iter().all(|number| alone.contains(number)), "some are mute instead, no other is refused");
}

#[test]
fn the_first_rule_on_openings_that_applies_wins() {
    let first = Rule::new(Fault::Answer(Answer::new(503))).on(Connections::Only(vec![1]));
    let mut plan = plan([first, Rule::new(Fault::Mute).named("mute")]);
    let one = plan.connect(ms(0));
    assert!(matches!(&one.opening, Opening::Answer(answer) if answer.status == 503), "{one:?}");
    assert_eq!(one.rule.unwrap().to_string(), "answer (rule 1)");
    let two = plan.connect(ms(0));
    assert!(matches!(two.opening, Opening::Mute));
    assert_eq!(two.rule.unwrap().to_string(), "mute (mute)");
}

#[test]
fn nobody_listens_while_a_rule_refuses_everybody() {
    let mut plan = plan([Rule::new(Fault::Refuse).when(When::At(ms(100))).lasting(ms(50))]);
    assert_eq!((plan.is_closed(ms(99)), plan.next_change(ms(0))), (false, Some(ms(100))));
    assert_eq!((plan.is_closed(ms(100)), plan.next_change(ms(100))), (true, Some(ms(150))));
    assert!(matches!(plan.connect(ms(149)).opening, Opening::Refuse), "who got through all the same is refused too");
    assert_eq!((plan.is_closed(ms(150)), plan.next_change(ms(150))), (false, None));
    assert!(matches!(plan.connect(ms(150)).opening, Opening::Forward { .. }));
}

#[test]
fn a_late_connection_is_seen_later() {
    let mut plan = plan([Rule::new(Fault::Late(ms(700)))]);
    assert!(matches!(plan.connect(ms(5)).opening, Opening::Forward { at, .. } if at == ms(705)));
}

#[test]
fn after_the_schedule_every_connection_is_healthy() {
    let mut plan = FaultPlan::new(Schedule::new(1).until(ms(10)).rule(Rule::new(Fault::Refuse))).unwrap();
    assert!(plan.is_closed(ms(9)) && !plan.is_closed(ms(10)));
    assert_eq!(plan.next_change(ms(0)), Some(ms(10)));
    assert!(matches!(plan.connect(ms(10)).opening, Opening::Forward { at, .. } if at == ms(10)));
}

#[test]
fn a_schedule_that_is_put_in_later_has_its_own_time() {
    let rules =
        [Rule::new(Fault::Refuse).when(When::At(ms(10))).lasting(ms(10)), Rule::new(Fault::Mute).lasting(ms(5))];
    let schedule = rules.into_iter().fold(Schedule::new(1).until(ms(18)), Schedule::rule);
    let mut plan = FaultPlan::new(schedule.clone()).unwrap().starting(ms(100));
    assert!(matches!(plan.connect(ms(104)).opening, Opening::Mute));
    assert!(matches!(plan.connect(ms(105)).opening, Opening::Forward { .. }));
    assert_eq!((plan.is_closed(ms(109)), plan.is_closed(ms(110)), plan.is_closed(ms(118))), (false, true, false));
    assert_eq!(plan.schedule(), &schedule, "it is told as it was given");
}

#[test]
fn a_rule_without_sense_is_refused_with_its_number() {
    let error = FaultPlan::new(Schedule::new(1).rule(Rule::new(Fault::Mute)).rule(Rule::new(Fault::Bandwidth(0))));
    assert_eq!(error.unwrap_err().to_string(), "rule 2 of the schedule is not valid");
}

#[test]
fn random_schedules_make_sense_differ_by_seed_and_survive_being_written() {
    for profile in Profile::all() {
        let mut distinct = Vec::new();
        for seed in 0..300 {
            let schedule = Schedule::random(seed, profile);
            assert!(schedule.check().is_ok(), "{profile} {seed}: {schedule:?}");
            assert_eq!(schedule, Schedule::random(seed, profile));
            assert_eq!(Schedule::parse(&schedule.to_toml()).unwrap(), schedule, "{}", schedule.to_toml());
            assert_eq!(Schedule::parse(&schedule.to_json()).unwrap(), schedule, "{}", schedule.to_json());
            if !distinct.contains(&schedule.rules) {
                distinct.push(schedule.rules);
            }
        }
        let expected = if profile == Profile::Calm { 1 } else { 200 };
        assert!(distinct.len() >= expected, "{profile}: only {} distinct schedules", distinct.len());
        assert_eq!(profile.name().parse(), Ok(profile));
    }
    assert!("stormy".parse::<Profile>().unwrap_err().contains("calm, cuts"));
}
