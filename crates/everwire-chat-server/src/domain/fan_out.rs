//! What each connection is told of messages of one room that were committed together. Each message is encoded once.

use std::cell::OnceCell;

use everwire_chat_core::wire::{Event, Rejected, Stored, TextMessage, code};
use everwire_ws::{Message, Prepared};

use super::batch;
use super::commit::Appended;
use super::sink::{Delivery, Sink, encode};
use super::subscriber::{ClientMode, ConnectionId};

/// What became of one appended message.
#[derive(Debug)]
pub(crate) struct CommitOutcome {
    origin: ConnectionId,
    pub(super) id: String,
    pub(super) author: String,
    appended: Appended,
    /// What the others are told, if it is new.
    text: Option<EncodedText>,
}

#[derive(Debug)]
struct EncodedText {
    frame: Prepared,
    /// The same without what is not in the plain format, for those who want no more; made when the first of them is told.
    strict: OnceCell<Prepared>,
    offset: u64,
}

/// Outcomes in the order of their messages, few enough for one [batch].
#[derive(Debug)]
pub(crate) struct FanOut<'a> {
    outcomes: &'a [CommitOutcome],
    /// Sorted.
    origins: Vec<ConnectionId>,
    /// All texts, for those who may be sent arrays; made once for all, when the first of them is told.
    together: OnceCell<Option<Delivery>>,
}

impl CommitOutcome {
    pub(crate) fn new(origin: ConnectionId, mut message: TextMessage, appended: Appended) -> Self {
        let (id, author) = (message.id.clone(), message.user_id.clone());
        let text = match appended {
            Appended::New(offset) => {
                message.offset = Some(offset);
                Some(EncodedText {
                    frame: Prepared::new(encode(&Event::Text(message))),
                    strict: OnceCell::new(),
                    offset,
                })
            }
            Appended::Duplicate(_) | Appended::IdTaken => None,
        };
        Self { origin, id, author, appended, text }
    }

    /// Its offset, if it is new.
    pub(super) fn new_offset(&self) -> Option<u64> {
        self.text.as_ref().map(|text| text.offset)
    }

    /// Bytes that the others are told.
    fn size(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.frame.message().len())
    }

    /// What its sender is told.
    fn answer(&self) -> Event {
        let id = self.id.clone();
        match self.appended {
            Appended::New(offset) | Appended::Duplicate(offset) => Event::Stored(Stored { id, offset }),
            Appended::IdTaken => {
                let (reason, code) = ("another user's message has this id".into(), Some(code::ID_TAKEN.into()));
                Event::Rejected(Rejected { id, reason, code })
            }
        }
    }
}

impl EncodedText {
    fn delivery(&self) -> Delivery {
        Delivery::Texts { frame: self.frame.clone(), last: self.offset }
    }

    fn delivery_for(&self, mode: ClientMode) -> Delivery {
        if !mode.strict {
            return self.delivery();
        }
        let frame = self.strict.get_or_init(|| {
            let json = self.frame.message().as_text().unwrap_or_default();
            Prepared::new(Message::from(without_offset(json, self.offset)))
        });
        Delivery::Texts { frame: frame.clone(), last: self.offset }
    }
}

/// The offset is the last field.
fn without_offset(json: &str, offset: u64) -> String {
    let rest = json.strip_suffix(&format!(",\"offset\":{offset}}}"));
    rest.map_or_else(|| json.to_owned(), |rest| format!("{rest}}}"))
}

impl<'a> FanOut<'a> {
    /// All outcomes of a commit for one room, cut into pieces that fit one message each.
    pub(crate) fn cut(outcomes: &'a [CommitOutcome]) -> impl Iterator<Item = Self> {
        batch::split(outcomes, CommitOutcome::size).map(|outcomes| {
            let mut origins: Vec<_> = outcomes.iter().map(|outcome| outcome.origin).collect();
            origins.sort_unstable();
            Self { outcomes, origins, together: OnceCell::new() }
        })
    }

    pub(super) fn outcomes(&self) -> &'a [CommitOutcome] {
        self.outcomes
    }

    /// Tells a connection; returns in how many frames it is told of texts.
    pub(super) fn tell(&self, id: ConnectionId, mode: ClientMode, sink: &dyn Sink) -> u64 {
        if self.origins.binary_search(&id).is_ok() {
            sink.deliver_all(&mut self.for_origin(id, mode).into_iter())
        } else if mode.extended {
            sink.deliver_all(&mut self.together().into_iter())
        } else {
            sink.deliver_all(&mut self.texts().map(|text| text.delivery_for(mode)))
        }
    }

    fn texts(&self) -> impl Iterator<Item = &'a EncodedText> {
        self.outcomes.iter().filter_map(|outcome| outcome.text.as_ref())
    }

    fn together(&self) -> Option<Delivery> {
        let all = || {
            let texts: Vec<_> = self.texts().collect();
            match texts.as_slice() {
                [] => None,
                [single] => Some(single.delivery()),
                [.., last] => {
                    let json: Vec<_> = texts.iter().filter_map(|text| text.frame.message().as_text()).collect();
                    let frame = Prepared::new(Message::from(batch::join(&json)));
                    Some(Delivery::Texts { frame, last: last.offset })
                }
            }
        };
        self.together.get_or_init(all).clone()
    }

    /// What became of its own messages, and the texts of others between them, one by one: in the order of the offsets, since a
    /// client that comes back says the furthest one it has seen, and is sent what follows.
    fn for_origin(&self, id: ConnectionId, mode: ClientMode) -> Vec<Delivery> {
        let is_own = |outcome: &CommitOutcome| outcome.origin == id;
        let mut deliveries = Vec::new();
        for piece in self.outcomes.chunk_by(|one, next| is_own(one) == is_own(next)) {
            if piece.iter().any(is_own) {
                deliveries.extend(answers(piece, mode.extended));
            } else {
                let texts = piece.iter().filter_map(|outcome| outcome.text.as_ref());
                deliveries.extend(texts.map(|text| text.delivery_for(mode)));
            }
        }
        deliveries
    }
}

/// What the sender of these is told.
fn answers(own: &[CommitOutcome], is_extended: bool) -> Vec<Delivery> {
    if !is_extended {
        return vec![Delivery::Stored { messages: own.len(), frame: None }];
    }
    let answers: Vec<_> = own.iter().map(|outcome| outcome.answer().to_json()).collect();
    let batched = |answers: &[String]| {
        let frame = Box::new(Message::from(batch::join(answers)));
        Delivery::Stored { messages: answers.len(), frame: Some(frame) }
    };
    batch::split(&answers, String::len).map(batched).collect()
}
