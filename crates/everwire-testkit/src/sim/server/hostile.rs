//! A server that means harm, in the place of a session's machine: it floods its client, exceeds the limits that the client has
//! told, or is alive and nothing else. Until the calm.

use everwire_core::Message;
use everwire_core::session::{Frame, Limits, Welcome, code};

use super::hostile_line::Hostile;
use super::line::{LineState, ServerLine};
use super::node::ServerCore;
use crate::faults::Ending;
use crate::sim::agenda::{Nanos, nanos};
use crate::sim::hostile::Abuse;
use crate::sim::socket::SocketRead;
use crate::sim::stage::Stage;

/// How often one that is only alive says so.
const SIGN_OF_LIFE: Nanos = 250_000_000;

impl ServerCore {
    /// A client has said hello: it is welcomed to a session that nobody keeps.
    pub(super) fn abuse(&mut self, stage: &mut Stage, index: usize, by: Abuse) {
        let (now, calm) = (stage.agenda.now(), nanos(self.plan.calm));
        let line = &mut self.lines[index];
        let LineState::Greeting(mut socket) = std::mem::replace(&mut line.state, LineState::Gone) else { return };
        stage.note(|| format!("server means harm on line {}: {by:?}", line.id.0));
        stage.flooded = true;
        stage.counts.hostile_servers += 1;
        stage.monitor.deceived.insert(line.id.0);
        let welcome = Welcome {
            session: hex(&stage.random.bits::<16>()),
            token: hex(&stage.random.bits::<32>()),
            resumed: false,
            processed: 0,
            limits: Limits::default(),
            resume_within: 1_000,
            previous: None,
        };
        let _ = socket.send(b"", &Frame::Welcome(welcome).to_message());
        by.speak(&mut socket);
        line.is_welcome();
        line.floods = true;
        let next = if by == Abuse::OnlyAlive { calm.min(now + SIGN_OF_LIFE) } else { calm };
        line.state = LineState::Hostile(Hostile { socket, by, next });
    }
}

impl ServerLine {
    /// What a hostile server looks at.
    pub(super) fn watch(&mut self, stage: &mut Stage) {
        let LineState::Hostile(Hostile { socket, by, .. }) = &mut self.state else { return };
        if *by != Abuse::ExceedLimits {
            // Only one that wants to be told so reads.
            return;
        }
        loop {
            let Stage { agenda, network, .. } = stage;
            match socket.read(agenda, network) {
                None => return,
                Some(SocketRead::Close(frame)) => {
                    let violated = frame.is_some_and(|frame| frame.code == code::VIOLATED);
                    stage.counts.violators += u64::from(violated);
                    return self.leave(stage, Ending::Close);
                }
                Some(SocketRead::Lost(_)) => return self.leave(stage, Ending::Close),
                Some(SocketRead::Message(_) | SocketRead::Ping | SocketRead::Pong(_)) => {}
            }
        }
    }

    /// Its time has come: for a sign of life, or to leave. Whether it had.
    pub(super) fn go_on_harming(&mut self, stage: &mut Stage, calm: Nanos) -> bool {
        let now = stage.agenda.now();
        let LineState::Hostile(Hostile { socket, next, .. }) = &mut self.state else { return false };
        if *next > now {
            return false;
        }
        if now >= calm {
            self.leave(stage, Ending::Reset);
        } else {
            let _ = socket.send(b"p", &Message::text("still here"));
            *next = calm.min(now + SIGN_OF_LIFE);
        }
        true
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
