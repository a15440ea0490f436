//! One connection with the bytes that are under way.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::{Chunk, Direction, Directions, Ending, Fate, LinkEvent, LinkFaults, MessageScanner};

/// What a direction holds before [`Link::room`] is used up, unless set otherwise: 256 KiB.
const ROOM: usize = 256 << 10;

/// How many pieces are decided in advance.
const AHEAD: usize = 256;

/// One connection: what is pushed in comes out when and as its faults say. No clock and no socket.
///
/// Both ends push what they say and pop what they hear. The present is the caller's word in each call and never runs
/// backwards.
#[derive(Debug)]
pub struct Link {
    faults: LinkFaults,
    pipes: [Pipe; 2],
    begun: VecDeque<LinkEvent>,
    room: usize,
    cut: bool,
    paused: bool,
}

/// An output for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Bytes, never none. Each is to be written by itself.
    Bytes(Bytes),
    /// The end; nothing follows.
    End(Ending),
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    /// What has entered, with the time, and is not decided.
    entered: VecDeque<(Duration, Output)>,
    /// What arrives when.
    due: VecDeque<(Duration, Output)>,
    scanner: MessageScanner,
    bytes: usize,
    /// Nothing of what is not decided ever arrives.
    held: bool,
    /// An end has been pushed.
    ended: bool,
    /// An end has been popped.
    heard: bool,
}

impl Link {
    /// A connection with these faults, which takes 256 KiB in each direction before its [`room`](Self::room) is used up.
    pub fn new(faults: LinkFaults) -> Self {
        Self { faults, pipes: Default::default(), begun: VecDeque::new(), room: ROOM, cut: false, paused: false }
    }

    /// Sets how many bytes a direction holds.
    #[must_use]
    pub fn with_room(mut self, bytes: usize) -> Self {
        self.room = bytes.max(1);
        self
    }

    /// The number of bytes that it still takes in this direction. [`push`](Self::push) takes more, but who reads from a
    /// socket should stop at 0, so that the sender's buffers fill.
    pub fn room(&self, direction: Direction) -> usize {
        self.room.saturating_sub(self.pipe(direction).bytes)
    }

    /// Bytes enter. After an end in this direction they are ignored.
    pub fn push(&mut self, now: Duration, direction: Direction, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let pipe = &mut self.pipes[direction as usize];
        if bytes.is_empty() || pipe.ended {
            return;
        }
        pipe.bytes += bytes.len();
        pipe.entered.push_back((now, Output::Bytes(bytes)));
        self.settle(now);
    }

    /// The sender of this direction ends it. A second end is ignored.
    pub fn end(&mut self, now: Duration, direction: Direction, ending: Ending) {
        let pipe = &mut self.pipes[direction as usize];
        if !pipe.ended {
            pipe.ended = true;
            pipe.entered.push_back((now, Output::End(ending)));
            self.settle(now);
        }
    }

    /// The bytes that arrive at the end of this direction, one piece at a time; `None` if nothing does now.
    pub fn pop(&mut self, now: Duration, direction: Direction) -> Option<Output> {
        self.settle(now);
        if self.paused {
            return None;
        }
        let pipe = &mut self.pipes[direction as usize];
        pipe.due.front().filter(|(at, _)| *at <= now)?;
        let (_, output) = pipe.due.pop_front()?;
        pipe.bytes -= output.len();
        pipe.heard |= matches!(output, Output::End(_));
        Some(output)
    }

    /// The next action of a rule up to now; call until `None`. Ask after `pop`.
    pub fn poll_event(&mut self, now: Duration) -> Option<LinkEvent> {
        self.settle(now);
        self.begun.pop_front()
    }

    /// The time when `pop` or `poll_event` has something next, if nothing is pushed before.
    pub fn deadline(&self) -> Option<Duration> {
        let arrivals = Direction::ALL.into_iter().filter_map(|direction| self.next_arrival(direction));
        arrivals.chain(self.next_event()).min()
    }

    /// The time when `pop` has something next in this direction.
    pub fn next_arrival(&self, direction: Direction) -> Option<Duration> {
        let next = self.pipe(direction).due.front().map(|(at, _)| *at);
        next.filter(|_| !self.paused)
    }

    /// The time when `poll_event` has something next.
    pub fn next_event(&self) -> Option<Duration> {
        let begun = self.begun.front().map(|event| match event {
            LinkEvent::Began { at, .. } | LinkEvent::Cut { at, .. } => *at,
        });
        begun.into_iter().chain(self.faults.deadline()).min()
    }

    /// Returns `true` if nothing comes out of this direction any more, whatever is pushed in.
    pub fn is_silent(&self, direction: Direction) -> bool {
        let pipe = self.pipe(direction);
        !self.paused && pipe.due.is_empty() && (pipe.held || pipe.entered.is_empty() && pipe.ended)
    }

    /// Returns `true` if it has been cut.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Cuts it now, by the user's hand: both ends see `ending` after what has already arrived. A pause ends with it.
    pub fn cut(&mut self, now: Duration, ending: Ending) {
        self.settle(now);
        if self.paused {
            self.pipes.iter_mut().for_each(|pipe| pipe.due.clear());
        }
        self.paused = false;
        self.lose(now, Directions::Both, ending);
    }

    /// While paused nothing comes out, by the user's hand: a black hole that can be left again.
    pub fn pause(&mut self, on: bool) {
        self.paused = on && !self.cut;
    }

    /// Replaces the faults from now on. The new ones decide again on what the old ones held for ever; a connection that
    /// was cut stays cut.
    pub fn replace(&mut self, now: Duration, faults: LinkFaults) {
        if self.cut {
            return;
        }
        self.faults = faults;
        for pipe in &mut self.pipes {
            pipe.held = false;
            pipe.entered.iter_mut().for_each(|(at, _)| *at = now);
        }
        self.settle(now);
    }

    fn pipe(&self, direction: Direction) -> &Pipe {
        &self.pipes[direction as usize]
    }

    /// Decides what can be known now, and does what has happened by now.
    fn settle(&mut self, now: Duration) {
        if self.cut {
            return;
        }
        for direction in Direction::ALL {
            self.pipes[direction as usize].decide(now, direction, &mut self.faults);
        }
        while let Some(event) = self.faults.poll_event(now) {
            if let LinkEvent::Cut { at, directions, ending, .. } = event {
                self.lose(at, directions, ending);
            }
            self.begun.push_back(event);
        }
    }

    fn lose(&mut self, at: Duration, directions: Directions, ending: Ending) {
        if std::mem::replace(&mut self.cut, true) {
            return;
        }
        for direction in Direction::ALL {
            let pipe = &mut self.pipes[direction as usize];
            pipe.held = true;
            pipe.due.retain(|(due, _)| *due <= at);
            let seen = pipe.heard || pipe.due.iter().any(|(_, output)| matches!(output, Output::End(_)));
            if directions.contains(direction) && !seen {
                pipe.due.push_back((at, Output::End(ending)));
            }
            pipe.entered.clear();
            pipe.bytes = pipe.due.iter().map(|(_, output)| output.len()).sum();
        }
    }
}

impl Pipe {
    /// Decides up to the first piece that arrives later than now.
    fn decide(&mut self, now: Duration, direction: Direction, faults: &mut LinkFaults) {
        while !self.held && self.due.len() < AHEAD && self.due.back().is_none_or(|(at, _)| *at <= now) {
            let Some((entered, output)) = self.entered.pop_front() else { return };
            let bytes = match output {
                Output::Bytes(bytes) => bytes,
                Output::End(ending) => {
                    match faults.decide_end(entered, direction) {
                        Fate::Deliver { at } | Fate::Corrupt { at, .. } => {
                            self.due.push_back((at, Output::End(ending)))
                        }
                        Fate::Hold => {
                            self.held = true;
                            self.entered.push_front((entered, Output::End(ending)));
                        }
                    }
                    return;
                }
            };
            let rest = self.decide_bytes(entered, direction, bytes, faults);
            if !rest.is_empty() {
                self.entered.push_front((entered, Output::Bytes(rest)));
            }
        }
    }

    /// Decides about the first of these bytes; gives back the others.
    fn decide_bytes(
        &mut self,
        entered: Duration,
        direction: Direction,
        mut bytes: Bytes,
        faults: &mut LinkFaults,
    ) -> Bytes {
        let message_end = if faults.counts_messages() { self.scanner.message_end(&bytes) } else { None };
        let chunk = Chunk { len: bytes.len(), message_end };
        let decision = faults.decide(entered, direction, chunk);
        match decision.fate {
            Fate::Hold => self.held = true,
            Fate::Deliver { at } => {
                let piece = bytes.split_to(decision.len);
                self.scanner.advance(&piece);
                self.due.push_back((at, Output::Bytes(piece)));
            }
            Fate::Corrupt { at, xor } => {
                let piece = bytes.split_to(decision.len);
                self.scanner.advance(&piece);
                let changed: Vec<u8> = piece.iter().map(|byte| byte ^ xor).collect();
                self.due.push_back((at, Output::Bytes(changed.into())));
            }
        }
        bytes
    }
}

impl Output {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End(_) => 0,
        }
    }
}
