//! Reads along what both ends of a session say, and knows the rules that can be seen from there.

use std::collections::{BTreeMap, BTreeSet};

use everwire_core::Message;
use everwire_core::session::{Frame, Hello, Welcome};

use super::frames::{ack, control, reliable};

/// More messages than any scenario has.
const BEYOND: u64 = 100_000;

/// Rules that show on the wire: numbers without gaps, acknowledgements of what was sent only and never backwards, a
/// token for each welcome, nobody let in with a token that was never given.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    lines: BTreeMap<u32, Wire>,
    tokens: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
    /// Lines of intruders: they must never be let into a session of another client.
    pub(crate) intruders: BTreeSet<u32>,
    /// Lines of clients that mean harm, whose own frames nobody notes.
    pub(crate) hostile: BTreeSet<u32>,
    /// Lines on which a server means harm: what is said on them is nobody's session.
    pub(crate) deceived: BTreeSet<u32>,
    /// What one end says was forged: from then on numbers mean nothing.
    pub(crate) forged: bool,
    /// Lines on which the client was told that more is processed than it has sent: it must leave them [S-12].
    pub(crate) contradicted: BTreeSet<u32>,
    /// The latest hello that was answered, and the welcome to it.
    pub(crate) answered: Option<(Hello, Welcome)>,
}

/// By the client, by the server.
#[derive(Debug, Default)]
struct Session {
    /// The highest number that was sent.
    sent: [u64; 2],
    /// The highest number that was acknowledged.
    acked: [u64; 2],
}

#[derive(Debug, Default)]
struct Wire {
    session: Option<String>,
    /// The last reliable number from the client, from the server, on this connection.
    last: [Option<u64>; 2],
    acked: [u64; 2],
    hello: Option<Hello>,
}

impl Monitor {
    /// A frame that one end has put on its way.
    pub(crate) fn frame(&mut self, line: u32, from_server: bool, frame: &[u8]) -> Result<(), String> {
        if self.deceived.contains(&line) {
            return Ok(());
        }
        let side = usize::from(from_server);
        let wire = self.lines.entry(line).or_default();
        match frame.first() {
            Some(b'm') => {
                let Some((seq, _)) = reliable(frame) else { return Err("a bad reliable frame".to_owned()) };
                let Some(session) = &wire.session else { return Err(format!("m{seq} before the welcome")) };
                let known = self.sessions.entry(session.clone()).or_default();
                let (last, sent) = (wire.last[side], &mut known.sent[side]);
                // What was acknowledged meanwhile is not sent again [S-13].
                let follows =
                    last.is_none_or(|last| seq > last && (seq == last + 1 || seq <= known.acked[1 - side] + 1));
                if (!follows || seq > *sent + 1) && !self.forged {
                    let last = last.unwrap_or(0);
                    return Err(format!("m{seq} is sent after m{last}, the session's highest {sent}"));
                }
                *sent = (*sent).max(seq);
                wire.last[side] = Some(seq);
            }
            Some(b'a') => {
                let Some(seq) = ack(frame) else { return Err("a bad acknowledgement".to_owned()) };
                let Some(session) = &wire.session else { return Err(format!("a{seq} before the welcome")) };
                if self.forged || self.hostile.contains(&line) {
                    return Ok(());
                }
                let known = self.sessions.entry(session.clone()).or_default();
                let sent = known.sent[1 - side];
                known.acked[side] = known.acked[side].max(seq);
                if seq > sent {
                    return Err(format!("a{seq} acknowledges what was never sent; sent up to {sent}"));
                }
                if seq < wire.acked[side] {
                    return Err(format!("a{seq} after a{}", wire.acked[side]));
                }
                wire.acked[side] = seq;
            }
            Some(b'h') => {
                let Some(Frame::Hello(hello)) = control(frame) else { return Err("a bad hello".to_owned()) };
                if wire.hello.replace(hello).is_some() {
                    return Err("a second hello".to_owned());
                }
            }
            Some(b'w') => return self.welcome(line, frame),
            _ => {}
        }
        Ok(())
    }

    /// The client hears this.
    pub(crate) fn heard(&mut self, line: u32, messages: &[Message]) {
        if messages.iter().any(|message| ack(message.payload()).is_some_and(|seq| seq > BEYOND)) {
            self.contradicted.insert(line);
        }
    }

    fn welcome(&mut self, line: u32, frame: &[u8]) -> Result<(), String> {
        let Some(Frame::Welcome(welcome)) = control(frame) else { return Err("a bad welcome".to_owned()) };
        if !self.tokens.insert(welcome.token.clone()) {
            return Err("a token is given a second time".to_owned());
        }
        if welcome.resumed && self.intruders.contains(&line) {
            return Err(format!("an intruder was let into session {}", welcome.session));
        }
        let known = self.sessions.entry(welcome.session.clone()).or_default();
        let sent = known.sent[0];
        known.acked[1] = known.acked[1].max(welcome.processed);
        if welcome.processed > sent {
            return Err(format!("a welcome claims {} processed of {sent} sent", welcome.processed));
        }
        let wire = self.lines.entry(line).or_default();
        wire.acked[1] = welcome.processed;
        wire.session = Some(welcome.session.clone());
        if let Some(hello) = &wire.hello
            && !self.intruders.contains(&line)
            && !self.hostile.contains(&line)
        {
            self.answered = Some((hello.clone(), welcome));
        }
        Ok(())
    }
}
