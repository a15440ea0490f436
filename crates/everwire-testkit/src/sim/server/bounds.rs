//! What a server must not hold or wait for, whatever its clients do.

use everwire_core::session::{Replies, ServerSession};

use super::node::ServerCore;
use super::peer::Peer;
use crate::sim::agenda::{Nanos, nanos};
use crate::sim::stage::Stage;

/// Volatile messages that a session holds at most, and bytes of them.
const MAX_VOLATILE: usize = 1024;
const MAX_VOLATILE_BYTES: usize = 1 << 20;
/// How long a client's bye is awaited, and a little.
const BYE: Nanos = 2_001_000_000;
/// Frames that are not counted, and their headers.
const SLACK: usize = 8192;

impl ServerCore {
    pub(super) fn check_bounds(&mut self, stage: &mut Stage) {
        let room = self.plan.write_buffer.max(Replies::BUFFER) + SLACK;
        let buffered =
            self.lines.iter_mut().filter(|line| !line.floods).filter_map(|line| Some(line.socket()?.buffered())).max();
        if let Some(buffered) = buffered.filter(|buffered| *buffered > room) {
            stage.fail("server", format_args!("a write buffer of {buffered} bytes"));
        }
        let (detached, most) = (self.detached_bytes(), self.plan.registry.max_detached_bytes);
        if detached > most {
            stage.fail("server", format_args!("sessions without a connection hold {detached} bytes of {most}"));
        }
        let live = || self.peers[self.first..].iter().filter(|peer| !peer.over && peer.session.is_some());
        let now = stage.agenda.now();
        if let Some(since) = live().filter_map(|peer| peer.ended_at).find(|at| now - at > BYE) {
            let time = (now - since) / 1_000_000;
            stage.fail("server", format_args!("a session is still here {time} ms after its end"));
        }
        let finishing =
            self.plan.session.as_ref().map_or(0, |session| nanos(session.resume_within)).saturating_add(BYE);
        // One that acknowledges nothing wins no time.
        let let_go = live().filter(|peer| peer.is_hostile).filter_map(|peer| peer.let_go_at);
        if let Some(since) = let_go.min().filter(|at| now.saturating_sub(*at) > finishing) {
            let time = (now - since) / 1_000_000;
            stage.fail("server", format_args!("a session is still here {time} ms after the application has let go"));
        }
        // Looking through every inbox at every turn takes long.
        if let Some(words) = live().filter(|peer| peer.is_hostile).find_map(|peer| self.excess(peer)) {
            stage.fail("server", words);
        }
    }

    /// What this peer has made us hold beyond what it was told.
    fn excess(&self, peer: &Peer) -> Option<String> {
        let told = &self.plan.told;
        let (messages, sizes) = (peer.inbox.len(), peer.inbox.iter().map(everwire_core::Message::len));
        // The last message may exceed the limit, one of each kind.
        let (bytes, largest) = (sizes.clone().sum::<usize>(), sizes.max()?);
        let most = told.messages as usize + MAX_VOLATILE;
        let limit = usize::try_from(told.bytes).unwrap_or(usize::MAX);
        let most_bytes = limit.saturating_add(limit.min(MAX_VOLATILE_BYTES)).saturating_add(2 * largest);
        (messages > most || bytes > most_bytes)
            .then(|| format!("a client has {messages} messages of {bytes} bytes waiting, and was told {told:?}"))
    }

    fn detached_bytes(&self) -> usize {
        let live = self.peers[self.first..].iter().filter(|peer| !peer.over);
        let detached = live.filter_map(|peer| peer.session.as_ref()).filter(|session| session.link().is_none());
        detached.map(ServerSession::held_bytes).sum()
    }
}
