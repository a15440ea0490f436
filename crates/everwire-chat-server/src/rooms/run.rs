//! Posts of one room that were committed together, and what each connection is told of them.

use std::cell::OnceCell;

use everwire_chat_core::wire::{Event, Rejected, Stored, TextMessage, code};
use everwire_server::{Message, Prepared};

use super::{ConnectionId, Item, Mailbox, Manner, text};
use crate::batch;
use crate::history::Place;

/// What became of one post.
#[derive(Debug)]
pub(crate) struct Outcome {
    origin: ConnectionId,
    pub(super) id: String,
    pub(super) author: String,
    place: Place,
    /// What the others are told, if it is new.
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    frame: Prepared,
    /// The same without what is not in the plain format, for those who want no more; made when the first of them is told.
    strict: OnceCell<Prepared>,
    offset: u64,
}

/// Outcomes in the order of their posts, few enough for one [batch](crate::batch).
#[derive(Debug)]
pub(crate) struct Run<'a> {
    outcomes: &'a [Outcome],
    /// Sorted.
    origins: Vec<ConnectionId>,
    /// All lines, for those who may be sent arrays; made once for all, when the first of them is told.
    together: OnceCell<Option<Item>>,
}

impl Outcome {
    pub(crate) fn new(origin: ConnectionId, mut message: TextMessage, place: Place) -> Self {
        let (id, author) = (message.id.clone(), message.user_id.clone());
        let line = match place {
            Place::New(offset) => {
                message.offset = Some(offset);
                Some(Line { frame: Prepared::new(text(&Event::Text(message))), strict: OnceCell::new(), offset })
            }
            Place::Known(_) | Place::Taken => None,
        };
        Self { origin, id, author, place, line }
    }

    /// Where it stands, if it is new.
    pub(super) fn new_offset(&self) -> Option<u64> {
        self.line.as_ref().map(|line| line.offset)
    }

    /// Bytes that the others are told.
    fn size(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.frame.message().len())
    }

    /// What its sender is told.
    fn answer(&self) -> Event {
        let id = self.id.clone();
        match self.place {
            Place::New(offset) | Place::Known(offset) => Event::Stored(Stored { id, offset }),
            Place::Taken => {
                let (reason, code) = ("another user's message has this id".into(), Some(code::ID_TAKEN.into()));
                Event::Rejected(Rejected { id, reason, code })
            }
        }
    }
}

impl Line {
    fn item(&self) -> Item {
        Item::Lines { frame: self.frame.clone(), last: self.offset }
    }

    fn item_for(&self, manner: Manner) -> Item {
        if !manner.strict {
            return self.item();
        }
        let frame = self.strict.get_or_init(|| {
            let json = self.frame.message().as_text().unwrap_or_default();
            Prepared::new(Message::from(without_offset(json, self.offset)))
        });
        Item::Lines { frame: frame.clone(), last: self.offset }
    }
}

/// The offset is the last field.
fn without_offset(json: &str, offset: u64) -> String {
    let rest = json.strip_suffix(&format!(",\"offset\":{offset}}}"));
    rest.map_or_else(|| json.to_owned(), |rest| format!("{rest}}}"))
}

impl<'a> Run<'a> {
    /// All outcomes of a commit for one room, cut into runs.
    pub(crate) fn cut(outcomes: &'a [Outcome]) -> impl Iterator<Item = Self> {
        batch::split(outcomes, Outcome::size).map(|outcomes| {
            let mut origins: Vec<_> = outcomes.iter().map(|outcome| outcome.origin).collect();
            origins.sort_unstable();
            Self { outcomes, origins, together: OnceCell::new() }
        })
    }

    pub(super) fn outcomes(&self) -> &'a [Outcome] {
        self.outcomes
    }

    /// Tells a connection; in how many frames it is told of lines.
    pub(super) fn tell(&self, id: ConnectionId, manner: Manner, mailbox: &Mailbox) -> u64 {
        if self.origins.binary_search(&id).is_ok() {
            mailbox.put_all(self.for_origin(id, manner))
        } else if manner.extended {
            mailbox.put_all(self.together())
        } else {
            mailbox.put_all(self.lines().map(|line| line.item_for(manner)))
        }
    }

    fn lines(&self) -> impl Iterator<Item = &'a Line> {
        self.outcomes.iter().filter_map(|outcome| outcome.line.as_ref())
    }

    fn together(&self) -> Option<Item> {
        let all = || {
            let lines: Vec<_> = self.lines().collect();
            match lines.as_slice() {
                [] => None,
                [single] => Some(single.item()),
                [.., last] => {
                    let json: Vec<_> = lines.iter().filter_map(|line| line.frame.message().as_text()).collect();
                    let frame = Prepared::new(Message::from(batch::join(&json)));
                    Some(Item::Lines { frame, last: last.offset })
                }
            }
        };
        self.together.get_or_init(all).clone()
    }

    /// What became of its own posts, and the lines of others between them, one by one: in the order of the offsets, since a
    /// client that comes back says the furthest one it has seen, and is sent what follows.
    fn for_origin(&self, id: ConnectionId, manner: Manner) -> Vec<Item> {
        let is_own = |outcome: &Outcome| outcome.origin == id;
        let mut items = Vec::new();
        for piece in self.outcomes.chunk_by(|one, next| is_own(one) == is_own(next)) {
            if piece.iter().any(is_own) {
                items.extend(done(piece, manner.extended));
            } else {
                let lines = piece.iter().filter_map(|outcome| outcome.line.as_ref());
                items.extend(lines.map(|line| line.item_for(manner)));
            }
        }
        items
    }
}

/// What the sender of these is told.
fn done(own: &[Outcome], is_extended: bool) -> Vec<Item> {
    if !is_extended {
        return vec![Item::Done { posts: own.len(), frame: None }];
    }
    let answers: Vec<_> = own.iter().map(|outcome| outcome.answer().to_json()).collect();
    let done = |answers: &[String]| {
        let frame = Box::new(Message::from(batch::join(answers)));
        Item::Done { posts: answers.len(), frame: Some(frame) }
    };
    batch::split(&answers, String::len).map(done).collect()
}
