//! Runs the real system under faults.
//!
//! | module | what |
//! |---|---|
//! | `args` | the command line |
//! | `process` | a program that is killed, stopped and started again |
//! | `network` | a network namespace for each machine, or loopback |
//! | `machine` | a broker and a node with their folder |
//! | `tokens` | an issuer of tokens |
//! | `http` | HTTP requests to nodes and brokers |
//! | `ground` | what members need to know of the world |
//! | `sign_in` | a member's tokens |
//! | `member` | a client that records what it sends and receives |
//! | `world` | all machines |
//! | `faults` | random faults of the machines |
//! | `schedule` | one run from the first node to the verdict |

mod args;
mod faults;
mod ground;
mod http;
mod machine;
mod member;
mod network;
mod process;
mod schedule;
mod sign_in;
mod tokens;
mod world;

use args::Args;

/// The error says in a line why a run could not be made or has failed.
pub(crate) type Done<T> = Result<T, String>;

pub(crate) async fn run(args: &[String]) -> Done<()> {
    let Some(args) = Args::parse(args)? else {
        println!("{}", args::HELP);
        return Ok(());
    };
    let network = args.network()?;
    println!("{}", network.describe());
    let mut failed = Vec::new();
    for n in 0..args.schedules {
        let seed = args.seed.wrapping_add(n);
        println!("schedule {} of {}: --seed {seed} --seconds {}", n + 1, args.schedules, args.seconds);
        if let Err(why) = schedule::run(&args, &network, seed).await {
            println!("  FAILED: {why}");
            failed.push(seed);
        }
    }
    let passed = args.schedules as usize - failed.len();
    println!("{passed} passed, {} failed", failed.len());
    if failed.is_empty() { Ok(()) } else { Err(format!("these seeds failed: {failed:?}")) }
}
