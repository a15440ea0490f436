use everwire::json::{self, Object};
use everwire_chat_core::status::{Failure, Rejection, Status};
use everwire_chat_core::timeline::Entry;
use everwire_chat_core::wire::{TextMessage, User, WireStatus};
use serde::{Deserialize, Serialize};

use super::room::Inner;

/// A message of ours that has failed, to be kept by a program and given to its next client
/// ([`Builder::failed`](crate::Builder::failed)): what was written is not lost with the program.
///
/// ```
/// use everwire_chat::FailedMessage;
///
/// assert_eq!(FailedMessage::from_json("of another version"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedMessage {
    id: String,
    text: String,
    timestamp: i64,
    /// Why, if the server has refused it; else the failure's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<String>,
    /// The same for programs, if the server has said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    failure: String,
}

impl FailedMessage {
    /// The part of an entry that is to be kept if it is a message of ours that has failed.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let Status::Failed(failure) = &entry.status else { return None };
        let (failure, rejected) = match failure {
            Failure::Rejected(rejection) => ("rejected", Some(rejection)),
            Failure::Dropped => ("dropped", None),
            Failure::Cancelled => ("cancelled", None),
            // A kind that is not known here is kept as the one that promises least.
            _ => ("unknown", None),
        };
        entry.own.then(|| Self {
            id: entry.id.clone(),
            text: entry.text.clone(),
            timestamp: entry.timestamp,
            rejected: rejected.map(|rejection| rejection.reason.clone()),
            code: rejected.and_then(|rejection| rejection.code.clone()),
            failure: failure.to_owned(),
        })
    }

    /// As JSON, in one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and a number: there is nothing in it that JSON can't hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From JSON; `None` if it is none of these.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json::read(json).ok()?;
        let fields = Object::of(&json)?;
        Some(Self {
            id: fields.text("id").ok()?.to_owned(),
            text: fields.text("text").ok()?.to_owned(),
            timestamp: fields.integer("timestamp").ok()?,
            rejected: fields.text("rejected").ok().map(str::to_owned),
            code: fields.text("code").ok().map(str::to_owned),
            failure: fields.text("failure").ok()?.to_owned(),
        })
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn failure(&self) -> Failure {
        match (&self.rejected, &*self.failure) {
            (Some(reason), _) => Failure::Rejected(Rejection::new(self.code.clone(), reason)),
            (None, "dropped") => Failure::Dropped,
            (None, "cancelled") => Failure::Cancelled,
            (None, _) => Failure::Unknown,
        }
    }
}

impl Inner {
    pub(super) fn recall_failed(&mut self, messages: Vec<FailedMessage>, me: &User) {
        for failed in messages {
            let status = Status::Failed(failed.failure());
            let FailedMessage { id, text, timestamp, .. } = failed;
            let (user_id, user_name) = (me.user_id.clone(), me.user_name.clone());
            let message = TextMessage {
                id: id.clone(),
                user_id,
                user_name,
                text,
                timestamp,
                status: WireStatus::Sent,
                offset: None,
            };
            // One that has arrived since is there already, and no failure moves it back.
            self.timeline.echo(message);
            self.timeline.advance(&id, status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::room::Room;

    #[test]
    fn what_failed_comes_back_with_why_unless_it_has_arrived_since() {
        let me = User::new("ana", "Ana");
        let room = Room::new(100);
        let message = |id: &str, offset| TextMessage {
            id: id.into(),
            user_id: "ana".into(),
            user_name: "Ana".into(),
            text: format!("text of {id}"),
            timestamp: 5,
            status: WireStatus::Sent,
            offset,
        };
        let rejected = |code: Option<&str>| Failure::Rejected(Rejection::new(code.map(str::to_owned), "too often"));
        let failures =
            [rejected(None), rejected(Some("too_often")), Failure::Dropped, Failure::Cancelled, Failure::Unknown];
        let kept: Vec<FailedMessage> = failures
            .iter()
            .enumerate()
            .map(|(at, failure)| {
                let mut timeline = everwire_chat_core::timeline::Timeline::new(10);
                let id = at.to_string();
                timeline.echo(message(&id, None));
                timeline.advance(&id, Status::Failed(failure.clone()));
                let failed = timeline.get(&id).and_then(FailedMessage::of).expect("it has failed");
                FailedMessage::from_json(&failed.to_json()).expect("its own JSON")
            })
            .collect();
        let mut inner = room.lock();
        inner.timeline.on_text(message("4", Some(1)), true);
        inner.recall_failed(kept, &me);
        let shown: Vec<_> = inner.timeline.entries().map(|entry| (entry.text.clone(), entry.status.clone())).collect();
        assert_eq!(shown[0], ("text of 4".into(), Status::Sent));
        for (at, failure) in failures[..4].iter().enumerate() {
            assert_eq!(shown[at + 1], (format!("text of {at}"), Status::Failed(failure.clone())));
        }
    }
}
