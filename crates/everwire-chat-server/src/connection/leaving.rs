//! The ways in and out of a room.

use std::sync::Arc;

use everwire_server::{CloseCode, Phase};
use tokio::time::timeout;

use super::{Connection, PATIENCE};
use crate::access::Admission;

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

    /// Leaves the room, once.
    pub(super) async fn leave(&mut self) {
        let pending = self.pending.pending() > 0;
        self.pending.give_up();
        if pending {
            // The last line comes before the leaving.
            let _ = self.state.store.flush().await;
        }
        if let Some(access) = &self.state.access {
            access.leave(self.id);
        }
        let notice = self.state.new_notice();
        let leaving = self.state.rooms().leave(&self.room, self.id, self.said_goodbye, notice);
        if let Some(leaving) = leaving {
            let (state, room) = (Arc::clone(&self.state), self.room.clone());
            tokio::spawn(async move {
                tokio::time::sleep(state.config.presence_grace).await;
                let notice = state.new_notice();
                state.rooms().expire(&room, &leaving, notice);
            });
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
