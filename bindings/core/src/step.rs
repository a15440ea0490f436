//! Where the program has a say while a connection is made: it is asked by a [`Step`] and answers by a method.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everwire::http::{HeaderName, HeaderValue};
use everwire::{AttemptRequest, NewConnection, PermanentError};
use tokio::sync::{Notify, oneshot};

use crate::plain_enum::plain_enum;
use crate::{Error, Header, Payload};

plain_enum! {
    /// What is asked.
    pub enum StepKind {
        /// Where to connect, and with which headers: answer by [`Client::answer_attempt`](crate::Client::answer_attempt).
        Attempt = "attempt",
        /// What goes first on the new connection: talk by [`Client::opening_send`](crate::Client::opening_send) and
        /// [`Client::opening_receive`](crate::Client::opening_receive), then say
        /// [`Client::opening_done`](crate::Client::opening_done).
        Opening = "opening",
    }
}

/// Something that waits for the program's answer. Either kind may be refused by
/// [`Client::refuse_step`](crate::Client::refuse_step). The time for it counts into
/// [`Settings::connect_timeout_ms`](crate::Settings::connect_timeout_ms).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number, which grows; what the answering methods take.
    pub id: u64,
    /// What is asked.
    pub kind: StepKind,
    /// Number of the attempt, from 1 since the last useful connection.
    pub attempt: u32,
    /// Of an attempt: where it would go.
    pub url: Option<String>,
    /// Of an opening: the subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// Why the last attempt or connection ended, in words; `None` for the very first one.
    pub last_cause: Option<String>,
    /// The close code or HTTP status of that.
    pub last_code: Option<u16>,
}

/// The answer to a [`StepKind::Attempt`]. What is `None` stays as it was set.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AttemptAnswer {
    /// Where to connect.
    pub url: Option<String>,
    /// Headers, each in place of those of the same name. Not in a page.
    pub headers: Vec<Header>,
    /// The subprotocols to offer.
    pub subprotocols: Option<Vec<String>>,
}

impl std::fmt::Debug for AttemptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a token.
        f.debug_struct("AttemptAnswer").field("headers", &self.headers).finish_non_exhaustive()
    }
}

type Boxed = Box<dyn StdError + Send + Sync>;

/// The steps that wait for an answer.
#[derive(Default)]
pub(crate) struct Steps {
    open: Mutex<Open>,
    changed: Notify,
}

#[derive(Default)]
struct Open {
    last_id: u64,
    steps: BTreeMap<u64, Asked>,
    ended: bool,
}

struct Asked {
    step: Step,
    answer: Answer,
}

enum Answer {
    Attempt(oneshot::Sender<Result<AttemptAnswer, Refusal>>),
    Opening { connection: Arc<tokio::sync::Mutex<NewConnection>>, done: oneshot::Sender<Result<(), Refusal>> },
}

struct Refusal {
    reason: String,
    for_good: bool,
}

impl From<Refusal> for Boxed {
    fn from(refusal: Refusal) -> Self {
        match refusal.for_good {
            true => PermanentError::new(refusal.reason).into(),
            false => refusal.reason.into(),
        }
    }
}

impl Steps {
    /// The oldest step after that one which still waits; `None` after the end.
    pub(crate) async fn next(&self, after: u64) -> Option<Step> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let open = self.lock();
                if let Some((_, asked)) = open.steps.range(after.saturating_add(1)..).next() {
                    return Some(asked.step.clone());
                }
                if open.ended {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// No step follows.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_waiters();
    }

    pub(crate) async fn ask_attempt(self: Arc<Self>, mut request: AttemptRequest) -> Result<AttemptRequest, Boxed> {
        let (sender, answer) = oneshot::channel();
        let step = Step {
            id: 0,
            kind: StepKind::Attempt,
            attempt: request.attempt,
            url: Some(request.url.to_string()),
            subprotocol: None,
            last_cause: request.last_cause.as_ref().map(ToString::to_string),
            last_code: request.last_cause.as_ref().and_then(everwire::Cause::code),
        };
        let _waiting = self.ask(step, Answer::Attempt(sender));
        let answer = answer.await.map_err(|_| "the client has ended")??;
        if let Some(url) = answer.url {
            request.url = url.parse().map_err(|_| "the answer's URL is not one")?;
        }
        for Header { name, value } in answer.headers {
            let name: HeaderName = name.parse().map_err(|_| "the answer has a header with an impossible name")?;
            let value = HeaderValue::from_str(&value).map_err(|_| {
                format!("the value of the answer's header `{name}` contains a line break or another control character")
            })?;
            request.headers.insert(name, value);
        }
        if let Some(subprotocols) = answer.subprotocols {
            request.subprotocols = subprotocols;
        }
        Ok(request)
    }

    pub(crate) async fn ask_opening(self: Arc<Self>, connection: NewConnection) -> Result<(), Boxed> {
        let (done, answer) = oneshot::channel();
        let step = Step {
            id: 0,
            kind: StepKind::Opening,
            attempt: connection.attempt(),
            url: None,
            subprotocol: connection.subprotocol().map(str::to_owned),
            last_cause: connection.last_cause().map(ToString::to_string),
            last_code: connection.last_cause().and_then(everwire::Cause::code),
        };
        let connection = Arc::new(tokio::sync::Mutex::new(connection));
        let _waiting = self.ask(step, Answer::Opening { connection, done });
        Ok(answer.await.map_err(|_| "the client has ended")??)
    }

    pub(crate) fn answer_attempt(&self, id: u64, answer: AttemptAnswer) -> Result<(), Error> {
        match self.take(id, StepKind::Attempt)? {
            Answer::Attempt(sender) => sender.send(Ok(answer)).map_err(|_| over()),
            Answer::Opening { .. } => Err(over()),
        }
    }

    pub(crate) fn opening_done(&self, id: u64) -> Result<(), Error> {
        match self.take(id, StepKind::Opening)? {
            Answer::Opening { done, .. } => done.send(Ok(())).map_err(|_| over()),
            Answer::Attempt(_) => Err(over()),
        }
    }

    pub(crate) fn refuse(&self, id: u64, reason: String, for_good: bool) -> Result<(), Error> {
        let asked = self.lock().steps.remove(&id).ok_or_else(over)?;
        let refusal = Refusal { reason, for_good };
        match asked.answer {
            Answer::Attempt(sender) => sender.send(Err(refusal)).map_err(|_| over()),
            Answer::Opening { done, .. } => done.send(Err(refusal)).map_err(|_| over()),
        }
    }

    pub(crate) async fn opening_send(&self, id: u64, payload: Payload) -> Result<(), Error> {
        let connection = self.connection(id)?;
        let mut connection = connection.lock().await;
        connection.send(payload).await.map_err(|end| Error::StepOver { reason: end.to_string() })
    }

    pub(crate) async fn opening_receive(&self, id: u64) -> Result<Payload, Error> {
        let connection = self.connection(id)?;
        let mut connection = connection.lock().await;
        let received = connection.recv().await;
        received.map(Payload::from).map_err(|end| Error::StepOver { reason: end.to_string() })
    }

    fn connection(&self, id: u64) -> Result<Arc<tokio::sync::Mutex<NewConnection>>, Error> {
        match self.lock().steps.get(&id) {
            Some(Asked { answer: Answer::Opening { connection, .. }, .. }) => Ok(Arc::clone(connection)),
            _ => Err(over()),
        }
    }

    fn take(&self, id: u64, kind: StepKind) -> Result<Answer, Error> {
        let mut open = self.lock();
        match open.steps.get(&id) {
            Some(asked) if asked.step.kind == kind => open.steps.remove(&id).map(|asked| asked.answer).ok_or_else(over),
            Some(asked) => Err(Error::StepOver {
                reason: format!("step {id} asks for another answer: {}", asked.step.kind.name()),
            }),
            None => Err(over()),
        }
    }

    fn ask(self: &Arc<Self>, mut step: Step, answer: Answer) -> Waiting {
        let mut open = self.lock();
        open.last_id += 1;
        let id = open.last_id;
        step.id = id;
        open.steps.insert(id, Asked { step, answer });
        drop(open);
        self.changed.notify_waiters();
        Waiting { steps: Arc::clone(self), id }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hook waits for the answer; when it is given up, nobody is asked any more.
struct Waiting {
    steps: Arc<Steps>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let asked = self.steps.lock().steps.remove(&self.id);
        drop(asked);
    }
}

fn over() -> Error {
    Error::StepOver { reason: "it was answered, or its attempt or connection has ended".to_owned() }
}
