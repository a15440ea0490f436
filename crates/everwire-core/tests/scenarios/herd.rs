use everwire_core::{Config, Input, OpenFailureKind};

use crate::support::{World, seconds};

/// A thousand clients lose the same server, which is away for a minute: how many dial in the busiest 100 ms after that?
#[test]
fn a_herd_does_not_come_back_in_step() {
    const CLIENTS: u16 = 1000;
    let mut arrivals = Vec::new();
    for client in 0..CLIENTS {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&client.to_le_bytes());
        let mut world = World::seeded(Config::default(), seed);
        world.input(Input::Connect);
        let start = world.now;
        while world.now.since(start) < seconds(60.0) {
            world.opening_fails(OpenFailureKind::Io);
            world.passes_until_attempt();
        }
        arrivals.push(world.now.since(start).as_millis() as usize / 100);
    }
    let mut busiest = [0_usize; 1000];
    arrivals.iter().for_each(|bucket| busiest[*bucket] += 1);
    let peak = busiest.iter().max().copied().unwrap_or_default();
    assert!(peak <= 20, "{peak} of {CLIENTS} clients dial within the same 100 ms");
}
