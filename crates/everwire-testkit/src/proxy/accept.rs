//! Accepting connections, or not.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::connection::Session;
use super::door::Door;
use super::events::{EndedBy, EventKind};
use super::opening;
use super::shared::{Shared, until};
use crate::faults::{Ending, LinkFaults, Opening};

/// Between attempts where the system refuses: to listen again, or to accept for want of file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs until the proxy is stopped and its connections are over.
pub(super) async fn run(shared: Arc<Shared>, door: Door, listener: TcpListener) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let now = shared.now();
        let (stop, closed, change) = {
            let state = shared.lock();
            (state.stop, state.refuse || state.plan.is_closed(now), state.plan.next_change(now))
        };
        if stop {
            break;
        }
        let retry = turn(&shared, &door, &mut listener, closed);
        let change = change.and_then(|at| shared.instant(at));
        tokio::select! {
            accepted = accept(listener.as_ref()) => match accepted {
                Ok((stream, client)) => admit(&shared, stream, client, &mut connections),
                // The client has gone already, or there are no handles left for a moment.
                Err(_) => sleep(PAUSE).await,
            },
            () = until(change) => {}
            () = until(retry) => {}
            () = shared.wake.notified() => {}
            Some(_) = connections.join_next() => {}
        }
    }
    drop((listener, door));
    let open: Vec<_> = shared.lock().entries.values().cloned().collect();
    for entry in open {
        entry.cut(shared.now(), Ending::Close, EndedBy::Control);
    }
    while connections.join_next().await.is_some() {}
}

/// Opens or closes the port. Says when to try again if it can't be opened.
fn turn(shared: &Shared, door: &Door, listener: &mut Option<TcpListener>, closed: bool) -> Option<Instant> {
    match (closed, listener.is_some()) {
        (true, true) => {
            *listener = None;
            shared.tell(EventKind::Closing);
        }
        (false, false) => match door.listen() {
            Ok(open) => {
                *listener = Some(open);
                shared.tell(EventKind::Listening);
            }
            Err(error) => {
                shared.tell(EventKind::NotListening { problem: error.to_string() });
                return Instant::now().checked_add(PAUSE);
            }
        },
        _ => {}
    }
    None
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}

fn admit(shared: &Arc<Shared>, stream: TcpStream, client: SocketAddr, connections: &mut JoinSet<()>) {
    let (number, connection) = shared.connect();
    let Some(connection) = connection else {
        shared.tell(EventKind::TooMany { connection: number });
        let _ = stream.set_zero_linger();
        return;
    };
    let _ = stream.set_nodelay(true);
    shared.tell(EventKind::Opened { connection: number, client });
    if let Some(rule) = connection.rule {
        shared.tell_fault(number, rule);
    }
    match connection.opening {
        Opening::Refuse => {
            shared.lock().stats.refused += 1;
            let _ = stream.set_zero_linger();
        }
        Opening::Mute => {
            let entry = shared.enter(number, client, LinkFaults::none());
            connections.spawn(opening::mute(Arc::clone(shared), entry, stream));
        }
        Opening::Answer(answer) => {
            let entry = shared.enter(number, client, LinkFaults::none());
            connections.spawn(opening::answer(Arc::clone(shared), entry, stream, answer.to_bytes()));
        }
        Opening::Forward { at, faults } => {
            let entry = shared.enter(number, client, faults);
            connections.spawn(Session::new(Arc::clone(shared), entry, stream, at).run());
        }
    }
}
