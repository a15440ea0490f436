//! A connection on its way: absent, dialled, or open.

use std::task::{Context, Poll};

use everwire_core::{Attempt, OpenFailure, TransportEvent};

use super::open_connection::OpenConnection;
use super::platform::{Connection, HookFuture, Opened};
use super::reading::Reading;

/// The transport of a client, or the one that is to take over.
pub(super) enum Link {
    Down,
    Dialling { attempt: Attempt, future: HookFuture<Result<Opened, OpenFailure>> },
    Up(Box<Connection>),
}

impl Link {
    /// Has an opening do what it can. With [`Reading::More`] it is open, and the subprotocol is known.
    pub(super) fn poll_dialling(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<TransportEvent>,
    ) -> (Reading, Option<String>) {
        let Self::Dialling { attempt, future } = self else { return (Reading::Dry, None) };
        match future.as_mut().poll(cx) {
            Poll::Pending => (Reading::Dry, None),
            Poll::Ready(Ok(opened)) => {
                let subprotocol = opened.subprotocol.clone();
                *self = Self::Up(Box::new(Connection::new(*attempt, opened)));
                events.push(TransportEvent::Opened { subprotocol: subprotocol.clone() });
                (Reading::More, subprotocol)
            }
            Poll::Ready(Err(failure)) => {
                events.push(TransportEvent::OpenFailed(failure));
                (Reading::Gone, None)
            }
        }
    }

    pub(super) fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Down => None,
            Self::Dialling { attempt, .. } => Some(*attempt),
            Self::Up(connection) => Some(connection.attempt()),
        }
    }
}
