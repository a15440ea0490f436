//! The server's mutants: what it hears or says is changed on the way.

use everwire_core::session::{Frame, Hello};
use everwire_core::{Attempt, Message};

use super::PeerId;
use super::node::{NodeInput, ServerCore};
use super::session::link;
use crate::sim::frames::reliable;
use crate::sim::mutant::Mutant;
use crate::sim::stage::Stage;

impl ServerCore {
    /// Changes a hello before anybody looks at it.
    pub(super) fn bend_hello(&mut self, stage: &Stage, hello: &mut Hello, principal: &mut String) {
        let Some(resume) = &mut hello.resume else { return };
        let Ok(id) = resume.session.parse() else { return };
        let Some(peer) = self.registry.get(id).copied() else { return };
        match stage.mutant {
            Some(Mutant::LateHelloWins) => {
                self.hellos += 1;
                resume.connection = u64::from(u32::MAX) + self.hellos;
            }
            Some(Mutant::PrincipalIgnored) => principal.clone_from(&self.peers[peer.0 as usize].principal),
            Some(Mutant::TokenIgnored) => {
                if let Some(token) = &self.peers[peer.0 as usize].given {
                    resume.token.clone_from(token);
                }
            }
            _ => {}
        }
    }

    /// Changes what a session is to be told.
    pub(super) fn bend_messages(&mut self, stage: &Stage, peer: PeerId, batch: Vec<Message>) -> Vec<Message> {
        let Some(mutant @ (Mutant::GapAccepted | Mutant::DuplicateDelivered)) = stage.mutant else { return batch };
        let state = &mut self.peers[peer.0 as usize];
        let mut bent = Vec::with_capacity(batch.len());
        for message in batch {
            let Some((seq, payload)) = reliable(message.payload()) else {
                bent.push(message);
                continue;
            };
            if seq <= state.seen {
                if mutant == Mutant::DuplicateDelivered {
                    let payload = Message::text(String::from_utf8_lossy(payload).into_owned());
                    self.news.push(NodeInput::Smuggled(peer, payload));
                }
                bent.push(message);
            } else {
                // Whatever the number was, it is the next one.
                let next = if mutant == Mutant::GapAccepted { state.seen + 1 } else { seq };
                state.seen = next;
                let payload = Message::text(String::from_utf8_lossy(payload).into_owned());
                bent.push(Frame::Reliable(next, payload).to_message());
            }
        }
        bent
    }

    /// Changes what a session says beside its messages.
    pub(super) fn bend_word(&mut self, stage: &Stage, peer: PeerId, message: Message) -> Message {
        if stage.mutant.is_none() || message.payload().first() != Some(&b'w') {
            return message;
        }
        let Ok(Frame::Welcome(mut welcome)) = Frame::parse(message.clone()) else { return message };
        let state = &mut self.peers[peer.0 as usize];
        state.given = Some(welcome.token.clone());
        // The machine itself may have been told of more.
        welcome.limits = self.plan.told;
        if stage.is(Mutant::WelcomeClaimsReceived) && welcome.resumed {
            welcome.processed = welcome.processed.max(state.reliable);
        }
        Frame::Welcome(welcome).to_message()
    }

    /// The link that what comes on this connection counts for.
    pub(super) fn speaks_as(&self, stage: &Stage, index: usize) -> Attempt {
        let line = &self.lines[index];
        let present = line.peer().and_then(|peer| self.peers[peer.0 as usize].session.as_ref()?.link());
        match present {
            Some(present) if stage.is(Mutant::NoFence) => present,
            _ => link(line.id),
        }
    }
}
