//! Every course of events in worlds that are small enough for it.

use everwire_testkit::sim::explore::{Bounds, explore};

fn holds(bounds: Bounds, states: usize) {
    let explored = explore(&bounds);
    assert_eq!(explored.violation, None, "{bounds:?}");
    assert!(explored.complete && explored.states > states, "{explored:?}");
}

#[test]
fn a_message_each_way_survives_a_cut_anywhere() {
    holds(Bounds { up: 1, down: 1, cuts: 1, ..Bounds::default() }, 500);
}

#[test]
fn a_message_survives_two_cuts_anywhere() {
    holds(Bounds { up: 1, cuts: 2, ..Bounds::default() }, 500);
}

#[test]
fn a_message_each_way_survives_a_move_at_any_time() {
    holds(Bounds { up: 1, down: 1, moves: 1, ..Bounds::default() }, 1_000);
}

#[test]
fn two_messages_survive_a_crash_of_the_server_at_any_time() {
    holds(Bounds { up: 2, crashes: 1, ..Bounds::default() }, 150);
}
