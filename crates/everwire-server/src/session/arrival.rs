use everwire_core::Attempt;
use everwire_core::session::{Hello, Previous, Token};
use tokio::sync::oneshot;

use crate::Socket;

/// A connection that has said hello.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) number: Attempt,
    pub(super) socket: Socket,
    pub(super) hello: Hello,
    pub(super) token: Token,
    /// For a session's first connection: what became of the one that the client asked for.
    pub(super) first: Option<Option<Previous>>,
    /// Gives the connection back if the session does not take it.
    pub(super) refused: oneshot::Sender<(Socket, Previous)>,
}

/// Connections that wait for a session's task. There is hardly ever more than one.
pub(super) const ARRIVALS: usize = 4;
