//! Measures a server's registry with many sessions.

use std::sync::{Arc, Mutex};

use everwire_core::Moment;
use everwire_core::session::{
    Admission, Hello, Limits, Registry, RegistryConfig, Resume, ServerConfig, ServerSession, SessionId,
};

use super::growth::Growth;
use super::{Done, Sizes, each, least, shuffled};
use crate::process;

const NOW: Moment = Moment::ZERO;
/// The number of measured operations at each size.
const OPERATIONS: usize = 20_000;

type Handle = Arc<Mutex<ServerSession>>;

pub(super) fn run(sizes: Sizes) -> Done<Vec<Growth>> {
    let unit = "ns of the processor";
    let mut resume = Growth::new("sessions: one that is looked up to be resumed", unit);
    let mut lost = Growth::new("sessions: a connection lost, and back", unit);
    let mut evict = Growth::new("sessions: a new one that another makes room for", unit);
    let mut memory = Growth::new("sessions: memory of an idle one", "bytes");
    for count in sizes.upto(1_000, 100_000, 100_000, &[1_000, 10_000, 100_000]) {
        let before = process::memory("self")?;
        let mut registry = filled(count)?;
        memory.add(count, (process::memory("self")? - before) / count as f64);
        let order: Vec<SessionId> = shuffled(count).into_iter().cycle().take(OPERATIONS).map(id).collect();
        let hellos: Vec<Hello> = order.iter().map(hello).collect();
        resume.add(
            count,
            least(|| {
                each(OPERATIONS, || {
                    let resumed = |(hello, id): (&Hello, &SessionId)| registry.admit(&principal(*id), hello);
                    let found =
                        hellos.iter().zip(&order).map(resumed).filter(|found| matches!(found, Admission::Resume(_)));
                    assert_eq!(found.count(), OPERATIONS, "all of them are there");
                })
            }),
        );
        lost.add(
            count,
            least(|| {
                each(OPERATIONS, || {
                    for id in &order {
                        registry.detached(NOW, *id, 100);
                        registry.attached(*id);
                    }
                })
            }),
        );
        // From here on no session has a connection.
        (0..count).for_each(|at| drop(registry.detached(NOW, id(at), 100)));
        let handle = session(0)?;
        let mut next = count;
        evict.add(
            count,
            least(|| {
                each(OPERATIONS, || {
                    for _ in 0..OPERATIONS {
                        let (is_in, evicted) = registry.insert(id(next), "a new one", Arc::clone(&handle));
                        assert!(is_in && evicted.len() == 1, "one makes room");
                        registry.detached(NOW, id(next), 0);
                        next += 1;
                    }
                })
            }),
        );
    }
    Ok(vec![resume, lost, evict, memory])
}

fn filled(count: usize) -> Done<Registry<Handle>> {
    let mut config = RegistryConfig::default();
    config.max_sessions = count;
    let mut registry = Registry::new(config)?;
    for at in 0..count {
        registry.insert(id(at), &principal(id(at)), session(at)?);
    }
    Ok(registry)
}

fn session(at: usize) -> Done<Handle> {
    Ok(Arc::new(Mutex::new(ServerSession::new(NOW, id(at), ServerConfig::default(), [3; 32])?)))
}

/// Ids that look random.
fn id(at: usize) -> SessionId {
    SessionId(((at as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes())
}

/// The principal of a session; each has four sessions.
fn principal(id: SessionId) -> String {
    format!("principal {}", u32::from_be_bytes([id.0[0], id.0[1], id.0[2], id.0[3]]) >> 2)
}

fn hello(id: &SessionId) -> Hello {
    let resume = Resume { session: id.to_string(), token: String::new(), connection: 2, processed: 0 };
    Hello { resume: Some(resume), limits: Limits::default() }
}
