//! The ways in and out of a room.

use std::sync::Arc;
use std::time::Duration;

use everwire_server::{CloseCode, Phase};
use tokio::time::timeout;

use super::{Connection, PATIENCE};
use crate::access::Admission;

/// The longest time that a member who has gone stays in the room while the last message is being stored.
const LAST_MESSAGE: Duration = Duration::from_secs(5);

impl Connection {
    /// Comes in by this admission, unless it is worth nothing any more; whether the connection goes on.
    pub(super) async fn enter(&mut self, admission: Admission) -> bool {
        let Some(access) = self.state.access.clone() else { return true };
        // In this order: what is changed after the question finds it among those that are in.
        access.enter(self.id, admission.clone(), self.producer.clone());
        match access.judge(&admission).await {
            Ok(()) => true,
            Err(refusal) => self.close(refusal.close_code(), refusal.reason()).await,
        }
    }

    /// Leaves the room, and parts from the client meanwhile: neither waits for the other.
    pub(super) async fn end(mut self) {
        tokio::join!(self.leave(), self.part());
    }

    /// Leaves the room, behind the member's last message if that is stored in time: a cluster may need long for it, and who has gone
    /// is not to be shown as here meanwhile. When the server ends, nobody is told of either, and it is not waited for.
    fn leave(&mut self) -> impl Future<Output = ()> + use<> {
        let (state, room, id) = (Arc::clone(&self.state), self.room.clone(), self.id);
        let (has_pending, said_goodbye) = (self.pending.pending() > 0, self.said_goodbye);
        self.pending.give_up();
        async move {
            if has_pending {
                tokio::select! {
                    _ = timeout(LAST_MESSAGE, state.store.flush()) => {}
                    () = state.ending() => {}
                }
            }
            if let Some(access) = &state.access {
                access.leave(id);
            }
            let notice = state.new_notice();
            let leaving = state.rooms().leave(&room, id, said_goodbye, notice);
            if let Some(leaving) = leaving {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    tokio::time::sleep(state.config.presence_grace).await;
                    let notice = state.new_notice();
                    state.rooms().expire(&room, &leaving, notice);
                });
            }
        }
    }

    /// Finishes a closing handshake that has begun, within a time limit, and lets go of the socket.
    async fn part(mut self) {
        if self.is_parting {
            let _ = timeout(PATIENCE, self.socket.recv()).await;
        }
    }

    /// Parts in order, within a time limit; false, for the end.
    pub(super) async fn close(&mut self, code: CloseCode, reason: &str) -> bool {
        if self.socket.phase() == Phase::Open {
            let _ = timeout(PATIENCE, self.socket.close(code, reason)).await;
        }
        false
    }
}
