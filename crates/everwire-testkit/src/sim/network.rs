//! The virtual network: connections that carry bytes, with the schedule's faults in them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::agenda::{Agenda, Due, Nanos, nanos};
use crate::faults::{Answer, Direction, Ending, Fault, FaultPlan, Link, Opening, Output, Schedule, ScheduleError};

/// Names a connection over the world's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId(pub(crate) u32);

/// What comes of asking for a connection.
#[derive(Debug)]
pub(crate) enum Dial {
    Refused,
    Answered(Answer),
    /// Accepted, and nothing is ever said.
    Silent,
    Open(LineId),
}

/// What arrives at one end.
#[derive(Debug)]
pub(crate) enum Arrival {
    Bytes(Bytes),
    /// Bytes that were changed on their way. Under TLS the connection ends here.
    Garbled,
    End(Ending),
}

#[derive(Debug)]
pub(crate) struct Network {
    plan: FaultPlan,
    room: usize,
    /// Bytes may be changed, and that is found out, as TLS does.
    /// Bytes may be changed on their way, which is found out, as TLS does.
    corrupting: bool,
    lines: Vec<Line>,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
struct Line {
    link: Link,
    client: u32,
    armed: Nanos,
    /// What the sender has sent and its peer not got, for comparison.
    sent: [VecDeque<Bytes>; 2],
    garbled: [bool; 2],
    /// The sender of this direction waits for room.
    wanted: [bool; 2],
    /// This direction's end was sent, or nobody reads it any more.
    over: [bool; 2],
    /// When the client last gave it something.
    client_wrote_at: Nanos,
}

impl Network {
    /// # Errors
    /// If a rule of the schedule is not valid.
    pub(crate) fn new(schedule: &Schedule, room: usize, sealed: bool) -> Result<Self, ScheduleError> {
        let corrupting = sealed && schedule.rules.iter().any(|rule| matches!(rule.fault, Fault::Corrupt(_)));
        let plan = FaultPlan::new(schedule.clone())?;
        Ok(Self { plan, room: room.max(1), corrupting, lines: Vec::new(), bytes: 0 })
    }

    /// A network in which nothing ever happens, for a scenario that is not valid.
    pub(crate) fn none() -> Self {
        let plan = FaultPlan::random(0, crate::faults::Profile::Calm);
        Self { plan, room: 1, corrupting: false, lines: Vec::new(), bytes: 0 }
    }

    /// A client asks for a connection.
    pub(crate) fn dial(&mut self, agenda: &mut Agenda, client: u32) -> Dial {
        let faults = match self.plan.connect(agenda.elapsed()).opening {
            Opening::Refuse => return Dial::Refused,
            Opening::Mute => return Dial::Silent,
            Opening::Answer(answer) => return Dial::Answered(answer),
            Opening::Forward { faults, .. } => faults,
        };
        let id = LineId(self.lines.len() as u32);
        self.lines.push(Line {
            link: Link::new(faults).with_room(self.room),
            client,
            armed: Nanos::MAX,
            sent: Default::default(),
            garbled: [false; 2],
            wanted: [false; 2],
            over: [false; 2],
            client_wrote_at: agenda.now(),
        });
        self.arm(agenda, id, true);
        Dial::Open(id)
    }

    /// The client's end of a connection.
    pub(crate) fn client(&self, line: LineId) -> u32 {
        self.lines[line.0 as usize].client
    }

    /// When its client last gave it something.
    pub(crate) fn client_wrote_at(&self, line: LineId) -> Nanos {
        self.lines[line.0 as usize].client_wrote_at
    }

    pub(crate) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Takes from the front of `bytes` what there is room for, and says how much. With `most`, at most as much at a time.
    pub(crate) fn write(&mut self, agenda: &mut Agenda, id: LineId, way: Direction, bytes: &mut BytesMut) -> usize {
        let line = &mut self.lines[id.0 as usize];
        let taken = bytes.len().min(line.link.room(way));
        line.wanted[way as usize] = taken < bytes.len();
        if taken == 0 {
            return 0;
        }
        // A copy: the sender's buffer is used again.
        let piece = Bytes::copy_from_slice(&bytes[..taken]);
        bytes::Buf::advance(bytes, taken);
        self.bytes += taken as u64;
        if way == Direction::ToServer {
            line.client_wrote_at = agenda.now();
        }
        if line.over[way as usize] {
            return taken;
        }
        if self.corrupting {
            line.sent[way as usize].push_back(piece.clone());
        }
        line.link.push(agenda.elapsed(), way, piece);
        self.arm(agenda, id, true);
        taken
    }

    /// What arrives next in this direction, if something does now.
    pub(crate) fn read(&mut self, agenda: &mut Agenda, id: LineId, way: Direction) -> Option<Arrival> {
        let line = &mut self.lines[id.0 as usize];
        let output = line.link.pop(agenda.elapsed(), way)?;
        let wanted = std::mem::take(&mut line.wanted[way as usize]);
        let arrival = match output {
            Output::Bytes(bytes) if self.corrupting && line.is_changed(way, &bytes) => Arrival::Garbled,
            Output::Bytes(bytes) => Arrival::Bytes(bytes),
            Output::End(ending) => Arrival::End(ending),
        };
        if wanted {
            agenda.soon(Due::Line(id.0));
        }
        self.arm(agenda, id, false);
        Some(arrival)
    }

    /// One end leaves: its direction ends, and what arrives for it is lost.
    pub(crate) fn leave(&mut self, agenda: &mut Agenda, id: LineId, way: Direction, ending: Ending) {
        let line = &mut self.lines[id.0 as usize];
        line.over[way as usize] = true;
        line.over[way.opposite() as usize] = true;
        line.sent[way.opposite() as usize].clear();
        line.link.end(agenda.elapsed(), way, ending);
        self.arm(agenda, id, true);
    }

    /// One end says that it has nothing more to say.
    pub(crate) fn finish(&mut self, agenda: &mut Agenda, id: LineId, way: Direction) {
        let line = &mut self.lines[id.0 as usize];
        line.over[way as usize] = true;
        line.link.end(agenda.elapsed(), way, Ending::Close);
        self.arm(agenda, id, true);
    }

    /// The connection is lost, now and for both ends.
    pub(crate) fn cut(&mut self, agenda: &mut Agenda, id: LineId) {
        self.lines[id.0 as usize].link.cut(agenda.elapsed(), Ending::Reset);
        agenda.soon(Due::Line(id.0));
        self.arm(agenda, id, true);
    }

    /// What was planned for this connection has come.
    pub(crate) fn turned(&mut self, agenda: &mut Agenda, id: LineId) {
        let line = &mut self.lines[id.0 as usize];
        while line.link.poll_event(agenda.elapsed()).is_some() {}
        if line.armed <= agenda.now() {
            line.armed = Nanos::MAX;
        }
        self.arm(agenda, id, false);
    }

    /// Both ends look at the connection when something arrives next. What is due already is looked at once, with `news`:
    /// an end that leaves it there stalls or is gone, and comes by itself.
    fn arm(&mut self, agenda: &mut Agenda, id: LineId, news: bool) {
        let line = &mut self.lines[id.0 as usize];
        let arrivals = Direction::ALL.map(|way| line.link.next_arrival(way));
        let nexts = arrivals.into_iter().chain([line.link.next_event()]).flatten().map(nanos);
        let now = agenda.now();
        let next = nexts.filter(|at| news || *at > now).min();
        if let Some(at) = next.map(|at| at.max(now)).filter(|at| *at < line.armed) {
            line.armed = at;
            agenda.plan(at, Due::Line(id.0));
        }
    }
}

impl Line {
    /// Whether these bytes are not those that were sent.
    fn is_changed(&mut self, way: Direction, bytes: &Bytes) -> bool {
        let way = way as usize;
        let mut rest = &bytes[..];
        while !rest.is_empty() && !self.garbled[way] {
            let Some(front) = self.sent[way].front_mut() else { break };
            let length = front.len().min(rest.len());
            self.garbled[way] = front.split_to(length)[..] != rest[..length];
            rest = &rest[length..];
            if front.is_empty() {
                self.sent[way].pop_front();
            }
        }
        self.garbled[way]
    }
}
