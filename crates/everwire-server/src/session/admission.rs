//! From the first frame of a connection to its session.

use std::sync::Arc;

use everwire_core::Attempt;
use everwire_core::session::{Admission, Frame, Gone, Hello, Previous, ServerSession, SessionId, Token, code};
use everwire_ws::{CloseCode, Incoming};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::arrival::{ARRIVALS, Arrival};
use super::driver::Driver;
use super::handle::Session;
use super::link::Link;
use super::shared::{Entry, Shared};
use super::slot::{Holds, Slot};
use crate::Socket;

/// A connection that is not allowed a session: how it is closed.
struct Refusal(CloseCode, &'static str);

impl Refusal {
    fn tell(self, shared: &Shared, socket: Socket) {
        shared.meter.refused(self.0);
        Link::new(Attempt(0), socket, None).leave(self.0, self.1);
    }
}

/// Runs until the connection has its session. `start` begins the application of a new one.
pub(super) async fn admit(shared: Arc<Shared>, mut socket: Socket, principal: String, start: impl FnOnce(Session)) {
    let hello = match timeout(shared.config.hello_timeout, hello(&mut socket)).await {
        Ok(Some(hello)) => hello,
        Ok(None) => return Refusal(code::MALFORMED, "expected a session `hello` frame").tell(&shared, socket),
        Err(_) => return Refusal(code::HELLO_TIMEOUT, "no hello in time").tell(&shared, socket),
    };
    let (socket, previous) = match shared.admission(&principal, &hello) {
        Admission::New(previous) => (socket, previous),
        Admission::Resume(entry) => match resume(&shared, &entry, socket, &hello).await {
            Some((socket, previous)) => (socket, Some(previous)),
            None => return,
        },
    };
    let number = shared.next_link();
    let begun = match remember(&shared, &principal, &hello, previous).await {
        Err(refusal) => Err(refusal),
        Ok(previous) => begin(&shared, &principal).map(|begun| (begun, previous)),
    };
    match begun {
        Err(refusal) => refusal.tell(&shared, socket),
        Ok((Begun { session, arrivals, token }, previous)) => {
            let (refused, _) = oneshot::channel();
            // The channel is empty: there is room.
            let _ = arrivals.try_send(Arrival { number, socket, hello, token, first: Some(previous), refused });
            start(session);
        }
    }
}

/// A session whose task waits for its first connection.
struct Begun {
    session: Session,
    arrivals: mpsc::Sender<Arrival>,
    token: Token,
}

async fn hello(socket: &mut Socket) -> Option<Hello> {
    loop {
        match socket.recv().await {
            Ok(Some(Incoming::Message(message))) => match Frame::parse(message) {
                Ok(Frame::Hello(hello)) => return Some(hello),
                _ => return None,
            },
            Ok(Some(Incoming::Ping(_) | Incoming::Pong(_))) => {}
            Ok(Some(Incoming::Close(_)) | None) | Err(_) => return None,
        }
    }
}

/// Hands the connection to its session's task. It comes back with the reason if the session is gone.
async fn resume(shared: &Shared, entry: &Entry, socket: Socket, hello: &Hello) -> Option<(Socket, Previous)> {
    let token = match token() {
        Ok(token) => token,
        Err(refusal) => {
            refusal.tell(shared, socket);
            return None;
        }
    };
    let (refused, answer) = oneshot::channel();
    let number = shared.next_link();
    let arrival = Arrival { number, socket, hello: hello.clone(), token, first: None, refused };
    if let Err(mpsc::error::SendError(arrival)) = entry.arrivals.send(arrival).await {
        return Some((arrival.socket, Previous { reason: Gone::Ended, processed: None }));
    }
    // Nothing comes if the session has taken the connection.
    answer.await.ok()
}

/// A session that this process knows nothing of may have been another's.
async fn remember(
    shared: &Shared,
    principal: &str,
    hello: &Hello,
    previous: Option<Previous>,
) -> Result<Option<Previous>, Refusal> {
    let unknown = previous.as_ref().is_some_and(|previous| previous.reason == Gone::Unknown);
    let (Some(watermarks), Some(resume), true) = (&shared.watermarks, &hello.resume, unknown) else {
        return Ok(previous);
    };
    let Ok(id) = resume.session.parse::<SessionId>() else { return Ok(previous) };
    match watermarks.processed(id, principal).await {
        Ok(Some(processed)) => Ok(Some(Previous { reason: Gone::Restarted, processed: Some(processed) })),
        Ok(None) => Ok(previous),
        Err(error) => {
            tracing::error!(session = %id, error = &*error, "the watermark of a session can't be read");
            Err(Refusal(CloseCode(1011), "the session's state can't be read right now"))
        }
    }
}

fn begin(shared: &Arc<Shared>, principal: &str) -> Result<Begun, Refusal> {
    let (id, seed, token) = (SessionId(random()?), random()?, token()?);
    let machine = ServerSession::new(shared.now(), id, shared.config.session.clone(), seed)
        // The settings were checked at the start.
        .map_err(|_| Refusal(CloseCode(1011), "the server's settings are not valid"))?;
    let timed = shared.config.session.outbox.max_age.is_some();
    let holds = Holds::new({
        let shared = Arc::downgrade(shared);
        move |id| {
            if let Some(shared) = shared.upgrade() {
                shared.holds(id);
            }
        }
    });
    let slot = Arc::new(Slot::new(machine, principal, shared.origin, timed, holds));
    let (arrivals, receiver) = mpsc::channel(ARRIVALS);
    let entry = Entry { slot: Arc::clone(&slot), arrivals: arrivals.clone() };
    if !shared.insert(id, principal, entry) {
        return Err(Refusal(CloseCode(1013), "too many sessions: try again later"));
    }
    tokio::spawn(Driver::new(Arc::clone(&slot), Arc::clone(shared), receiver).run());
    Ok(Begun { session: Session::new(slot), arrivals, token })
}

fn token() -> Result<Token, Refusal> {
    random().map(Token::new)
}

fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness");
        Refusal(CloseCode(1011), "the server has no randomness")
    })?;
    Ok(bytes)
}
