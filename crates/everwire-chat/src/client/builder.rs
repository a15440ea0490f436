use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use everwire::{AdviceOverride, AttemptRequest, BuildError, Cause, CauseMatch, Client, Guarantee, OnNormalClose};
use everwire_chat_core::limits::{check_id, check_name, check_room};
use everwire_chat_core::wire::User;
use tokio::sync::mpsc;

use super::failed::FailedMessage;
use super::memory::Memory;
use super::platform::Spawner;
use super::room::Room;
use super::tokens::{BoxError, TokenSource};
use super::{ChatClient, address, task};
use crate::id::new_id;

/// Settings of a chat client; checked in [`build`](Self::build).
pub struct Builder {
    url: String,
    user_name: String,
    user_id: Option<String>,
    room: String,
    window: usize,
    memory: Option<Memory>,
    token: Option<TokenSource>,
    look: Option<Look>,
    failed: Vec<FailedMessage>,
    connection: Box<dyn FnOnce(everwire::Builder) -> everwire::Builder + Send>,
}

type Look = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>> + Send + Sync>;

/// The reason why a chat client could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChatError {
    /// A name, a room or an id breaks a [limit](crate::limits); in words for people.
    Invalid(&'static str),
    /// The connection's settings are wrong.
    Connection(BuildError),
}

/// The room that is joined if none is named.
pub(crate) const DEFAULT_ROOM: &str = "lobby";

/// The status of a server that requires a token.
const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
const POLICY_VIOLATION: u16 = 1008;

/// Outcomes that the task has not taken yet; the senders of more wait.
const OUTCOMES: usize = 64;

impl Builder {
    pub(super) fn new(url: String, user_name: String) -> Self {
        Self {
            url,
            user_name,
            user_id: None,
            room: DEFAULT_ROOM.into(),
            window: everwire_chat_core::timeline::WINDOW,
            memory: None,
            token: None,
            look: None,
            failed: Vec::new(),
            connection: Box::new(|builder| builder),
        }
    }

    /// The room; default `lobby`.
    #[must_use]
    pub fn room(mut self, room: impl Into<String>) -> Self {
        self.room = room.into();
        self
    }

    /// The id of our user, the same every time; default: a new id. Two clients of one id are one user.
    #[must_use]
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.user_id = Some(id.into());
        self
    }

    /// Messages kept in the timeline, beside those on their way; default 1,000, at least 1. Older ones leave it, and are
    /// asked for by [`load_earlier`](ChatClient::load_earlier): the fewer, the more often; the more, the more memory.
    #[must_use]
    pub fn window(mut self, messages: usize) -> Self {
        self.window = messages;
        self
    }

    /// The memory of an earlier client of this user in this room ([`ChatClient::memory`]): its messages are there from the
    /// start.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// The source of the token that identifies our user, on a server that asks for one; it has to be that of
    /// [`user_id`](Self::user_id). It is asked for before every attempt, with `true` if the server has just refused the
    /// last one, and counts into the time to connect; if it fails, so does the attempt, which is made again later. It
    /// is also asked for, with `true`, when the server says that the token of the open connection expires soon: the
    /// fresh one then takes its place, and the connection goes on. A native client sends it in the header
    /// `Authorization`, a page, which can't, in the address.
    ///
    /// Without a token a refusal with 401 is final.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire_chat::ChatError> {
    /// # async fn fetch_token(refused: bool) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// let chat = everwire_chat::ChatClient::builder("wss://chat.example.org/ws", "Ana")
    ///     .user_id("ana")
    ///     .token(async |refused| Ok(fetch_token(refused).await?))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn token<F, Fut>(mut self, source: F) -> Self
    where
        F: Fn(bool) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.token = Some(Arc::new(move |refused| Box::pin(source(refused))));
        self
    }

    /// Messages of ours that an earlier client of this user in this room could not send ([`FailedMessage::of`]): they
    /// are in the timeline from the start, with why they failed, unless they have arrived since.
    #[must_use]
    pub fn failed(mut self, messages: Vec<FailedMessage>) -> Self {
        self.failed = messages;
        self
    }

    /// A question that is asked before each attempt that follows one at which no connection came about; if it fails, so
    /// does the attempt, which is made again later. It counts into the time to connect. Default: nothing is asked.
    ///
    /// For pages: a browser may delay the WebSockets to a host that has refused some (Firefox does, by more each time),
    /// and not its other requests. So a page asks by one of those whether the server is back.
    #[must_use]
    pub fn look_first<F, Fut>(mut self, look: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.look = Some(Arc::new(move || Box::pin(look())));
        self
    }

    /// Changes the connection's settings: retry, heartbeat, limits, TLS. The guarantee (at least once, made once by the
    /// message's id) and the attempt hook belong to the chat; what is set for them here is overwritten. With a
    /// [store](everwire::Builder::store) of its own for each room and user, messages survive the end of the process: a
    /// client of the same store and user has them in its timeline and sends them.
    #[must_use]
    pub fn connection(
        mut self,
        settings: impl FnOnce(everwire::Builder) -> everwire::Builder + Send + 'static,
    ) -> Self {
        self.connection = Box::new(settings);
        self
    }

    /// Checks everything and connects in the background, on the current tokio runtime.
    ///
    /// # Errors
    /// If a name, a room or an id breaks a [limit](crate::limits), a setting of the connection is wrong, or there is no
    /// tokio runtime; nothing has been started then.
    pub fn build(self) -> Result<ChatClient, ChatError> {
        check_name(&self.user_name).map_err(ChatError::Invalid)?;
        check_room(&self.room).map_err(ChatError::Invalid)?;
        let user_id = self.user_id.unwrap_or_else(new_id);
        check_id(&user_id).map_err(ChatError::Invalid)?;
        let me = User::new(user_id, self.user_name);

        let room = Arc::new(Room::new(self.window));
        if let Some(memory) = self.memory {
            room.lock().recall(memory, &me.user_id);
        }
        room.lock().recall_failed(self.failed, &me);
        let identity = [("room", self.room.as_str()), ("userId", &me.user_id), ("userName", &me.user_name)];
        let url = address::with_parameters(&self.url, &identity);
        let seen = Arc::clone(&room);
        let hook_url = url.clone();
        let token = self.token;
        let tokens = token.clone();
        let look = self.look;
        let mut settings = (self.connection)(Client::builder(&url)).guarantee(Guarantee::AtLeastOnce);
        // A chat has no end of its own; where 1000 comes from, a server restarts or a proxy has lost it.
        settings = settings.on_normal_close(OnNormalClose::Reconnect);
        // And what a chat server says by these is meant: banned, signed out, or a room that was closed.
        for meant in [CauseMatch::CloseCode(POLICY_VIOLATION), CauseMatch::Status(FORBIDDEN)] {
            settings = settings.override_advice(meant, AdviceOverride::Stop);
        }
        #[cfg(target_arch = "wasm32")]
        {
            settings = settings.text_pings("ping", "pong");
        }
        if token.is_none() {
            settings = settings.override_advice(CauseMatch::Status(UNAUTHORIZED), AdviceOverride::Stop);
        }
        let client = settings
            .before_attempt(move |mut request| {
                let after = address::after(seen.position().as_ref());
                let mut url = address::with_parameters(&hook_url, &[("after", &after)]);
                if seen.declare_away() {
                    url = address::with_parameters(&url, &[("away", "true")]);
                }
                let refused = request.last_cause.as_ref().is_some_and(|cause| cause.code() == Some(UNAUTHORIZED));
                let token = token.clone();
                let is_doubtful = matches!(request.last_cause, Some(Cause::OpenFailed(_)));
                let look = look.as_ref().filter(|_| is_doubtful).map(|look| look());
                async move {
                    request.url = url.parse()?;
                    if let Some(look) = look {
                        look.await?;
                    }
                    let token = token.map(|token| token(refused));
                    match token {
                        Some(token) => with_token(request, &token.await?),
                        None => Ok(request),
                    }
                }
            })
            .build()
            .map_err(ChatError::Connection)?;

        let spawner = Spawner::current();
        let (outcomes, resolved) = mpsc::channel(OUTCOMES);
        let task = spawner.task(task::run(
            client.messages(),
            client.watch_state(),
            resolved,
            Arc::clone(&room),
            me.clone(),
            client.clone(),
            tokens,
        ));
        let chat = ChatClient { client, room, outcomes, task, spawner, me };
        chat.take_up();
        Ok(chat)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn with_token(mut request: AttemptRequest, token: &str) -> Result<AttemptRequest, BoxError> {
    let mut value = everwire::http::HeaderValue::try_from(format!("Bearer {}", token.trim()))?;
    value.set_sensitive(true);
    request.headers.insert("authorization", value);
    Ok(request)
}

#[cfg(target_arch = "wasm32")]
fn with_token(mut request: AttemptRequest, token: &str) -> Result<AttemptRequest, BoxError> {
    request.url = address::with_parameters(&request.url.to_string(), &[("token", token.trim())]).parse()?;
    Ok(request)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, user_name, user_id, room, window, memory: _, token: _, look: _, failed: _, connection: _ } =
            self;
        f.debug_struct("Builder")
            .field("user_name", user_name)
            .field("user_id", user_id)
            .field("room", room)
            .field("window", window)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problem) => f.write_str(problem),
            Self::Connection(_) => f.write_str("the connection's settings are wrong"),
        }
    }
}

impl std::error::Error for ChatError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(_) => None,
            Self::Connection(error) => Some(error),
        }
    }
}
