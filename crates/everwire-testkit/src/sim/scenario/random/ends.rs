//! The settings of both ends.

use crate::sim::scenario::{ClientSetup, Commit, GuaranteeChoice, OverflowChoice, ServerSetup};
use crate::sim::server::PlainScript;
use crate::sim::stage::Random;

pub(super) fn client(random: &mut Random, session: bool) -> ClientSetup {
    let mut setup = ClientSetup {
        guarantee: random.pick(&[
            GuaranteeChoice::AtMostOnce,
            GuaranteeChoice::AtMostOnce,
            GuaranteeChoice::AtLeastOnce,
            GuaranteeChoice::Unproven,
        ]),
        heartbeat: random.pick(&[0, 500, 3_000, 10_000]),
        heartbeat_timeout: random.pick(&[0, 300, 1_000, 5_000]),
        initial_delay: random.pick(&[0, 100, 500]),
        max_delay: random.pick(&[0, 1_000, 10_000]),
        no_jitter: random.one_in(8),
        open_timeout: random.pick(&[0, 0, 1_000]),
        payload: random.pick(&[0, 60, 300, 300, 3_000]),
        ..ClientSetup::default()
    };
    if session && setup.guarantee == GuaranteeChoice::Unproven {
        setup.guarantee = GuaranteeChoice::AtMostOnce;
    }
    if random.one_in(3) {
        setup.overflow = random.pick(&[OverflowChoice::Reject, OverflowChoice::DropOldest, OverflowChoice::DropNewest]);
        setup.max_messages = random.pick(&[0, 1, 2, 5, 20]);
        setup.max_bytes = random.pick(&[0, 0, 4_000, 8_000]);
    }
    if !session && random.one_in(3) {
        setup.batching = random.pick(&[1, 20, 100]);
    }
    if random.one_in(6) {
        setup.ttl = random.pick(&[1, 100, 1_500]);
    }
    if random.one_in(6) {
        setup.levels = true;
        if setup.max_messages > 0 {
            setup.overflow = random.pick(&[setup.overflow, OverflowChoice::DropLowestPriority]);
        }
    }
    if session {
        setup.window = random.pick(&[0, 0, 1, 3, 10]);
        setup.ack_delay = random.pick(&[0, 1, 200]);
        setup.ack_every = random.pick(&[0, 1, 4]);
    }
    if random.one_in(3) {
        setup.work = random.pick(&[1, 10, 100]);
        setup.inbox = random.pick(&[1, 4, 0]);
    }
    if random.one_in(3) {
        setup.write_buffer = random.pick(&[1, 200, 4_000]);
        // A big message through a tiny buffer takes thousands of turns and shows nothing new.
        let least = setup.payload / 4;
        setup.socket_buffer = random.pick(&[17, 200, 1_000, 8_000]).max(least as usize);
    }
    if random.one_in(4) {
        setup.budget = random.pick(&[1, 2, 20]);
    }
    setup
}

pub(super) fn server(random: &mut Random, session: bool) -> ServerSetup {
    let mut setup = ServerSetup::default();
    if random.one_in(3) {
        setup.work = random.pick(&[1, 20, 150]);
        setup.inbox = random.pick(&[1, 4, 0]);
    }
    setup.echo = random.one_in(4);
    if random.one_in(4) {
        setup.write_buffer = random.pick(&[1, 200, 4_000]);
    }
    if session {
        setup.resume_within = random.pick(&[0, 0, 1_000, 10_000]);
        setup.window = random.pick(&[0, 0, 1, 3, 10]);
        setup.window_bytes = random.pick(&[0, 0, 0, 500]);
        setup.message_bytes = random.pick(&[0, 0, 0, 200]);
        setup.outbox = random.pick(&[0, 0, 4]);
        setup.ack_delay = random.pick(&[0, 1, 200]);
        setup.ack_every = random.pick(&[0, 1, 4]);
        setup.heartbeat = random.pick(&[0, 1_000, 5_000]);
        setup.max_sessions = random.pick(&[0, 0, 0, 0, 2]);
        setup.commit = if random.one_in(2) { Commit::Together(random.pick(&[1, 10, 100])) } else { Commit::Each };
        setup.finishes = random.one_in(3);
    }
    setup
}

pub(super) fn script(random: &mut Random) -> PlainScript {
    let mut script = PlainScript::default();
    match random.below(12) {
        0 => script.ignores_pings = true,
        1 => {
            script.closes_with = Some(random.pick(&[1000, 1001, 1008, 1011, 1012, 1013, 4000, 4401]));
            script.closes_after = random.pick(&[0, 10, 500, 3_000]);
        }
        2 => {
            script.closes_with = Some(random.pick(&[1001, 1011, 1012, 4000]));
            script.closes_after_messages = random.pick(&[1, 3, 8]);
        }
        3 => {
            script.refuses_with = Some(random.pick(&[302, 400, 401, 403, 429, 500, 503]));
            script.retry_after = random.pick(&[None, Some(1), Some(4)]);
        }
        4 => script.answers_nonsense = true,
        5 => script.reads_after = random.pick(&[100, 2_000]) as u32,
        6 => script.idle_pongs = true,
        7 => script.poison = Some(random.pick(&[1003, 1007, 1009])),
        _ => {}
    }
    script
}
