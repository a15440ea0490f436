//! Everything that happens between joining and leaving, when lines come from a pipe and go to one.

use std::time::Instant;

use everwire::{Cause, Closed, State};
use everwire_chat::{Change, ChatClient, ChatEvent, Entry, Status, Updates, limits};
use everwire_server::after;
use tokio::time::sleep_until;

use super::end::End;
use super::input::Input;
use super::lines::{Lines, Mark};
use super::own::{LineUpdate, OwnLines, Shown};
use crate::address::Address;
use crate::args::ChatArgs;
use crate::describe;
use crate::term::{BadInput, Console, Gone, Look, Stop, Tone, local_zone};

pub(super) struct Session {
    pub(super) args: ChatArgs,
    pub(super) updates: Updates,
    pub(super) console: Console,
    pub(super) own: OwnLines,
    pub(super) stop: Stop,
    shown: Shown,
    pub(super) input: Input,
    lines: Lines,
    look: Look,
    state: Option<State>,
    /// Whether there has been a connection.
    pub(super) connected: bool,
    /// Why there is no connection.
    pub(super) last_cause: Option<Cause>,
    told_of_earlier: bool,
}

/// The condition that is awaited.
#[derive(Clone, Copy)]
enum Until {
    InputEnds,
    /// Every own line is settled, or the deadline has passed.
    Settled(tokio::time::Instant),
    /// There has been a connection, or the deadline has passed.
    Connected(tokio::time::Instant),
}

impl Session {
    pub(super) fn start(args: ChatArgs, chat: ChatClient, console: Console, look: Look, stop: Stop) -> Running {
        let input = if args.receive_only { Input::None } else { Input::stdin(limits::TEXT_BYTES) };
        let (zone, trouble) = local_zone();
        let lines = Lines { zone, me: chat.me().user_name };
        let mut session = Self {
            args,
            updates: chat.updates(),
            console,
            own: OwnLines::default(),
            stop,
            shown: Shown::default(),
            input,
            lines,
            look,
            state: None,
            connected: false,
            last_cause: None,
            told_of_earlier: false,
        };
        if let Some(trouble) = trouble {
            session.note(Tone::Waiting, trouble);
        }
        Running { session, chat }
    }
}

/// A session with its client, which leaving consumes.
pub(super) struct Running {
    pub(super) session: Session,
    pub(super) chat: ChatClient,
}

impl Running {
    /// Runs to the end, and returns why it ended.
    pub(super) async fn run(mut self, address: &Address) -> (Self, End) {
        if let Some(url) = &address.understood_as {
            self.session.note(Tone::Faint, &format!("using {url}"));
        }
        // Entries from before the first update.
        let end = match self.catch_up().await {
            Ok(None) => self.converse().await,
            Ok(Some(end)) => end,
            Err(gone) => End::Output(gone),
        };
        (self, end)
    }

    /// Shows the present entries that were not shown yet.
    async fn catch_up(&mut self) -> Result<Option<End>, Gone> {
        self.session.lines.me = self.chat.me().user_name;
        for entry in self.chat.entries() {
            self.session.on_entry(&entry).await?;
        }
        let state = self.chat.state();
        Ok(self.session.on_state(&state))
    }

    async fn converse(&mut self) -> End {
        let bad = match self.wait(Until::InputEnds).await {
            End::Reached => None,
            End::BadInput(bad) => Some(bad),
            end => return end,
        };
        self.session.input.end();
        let deadline = after(tokio::time::Instant::now(), self.session.args.close_timeout);
        let settled = self.wait(Until::Settled(deadline)).await;
        if let Some(bad) = bad {
            return End::BadInput(bad);
        }
        match settled {
            // An empty input has nothing to settle, but the exit code depends on whether the room could be joined.
            End::Reached => self.wait(Until::Connected(deadline)).await,
            end => end,
        }
    }

    async fn wait(&mut self, until: Until) -> End {
        loop {
            let deadline = match until {
                Until::InputEnds => None,
                Until::Settled(_) if self.session.own.is_settled() => return End::Reached,
                Until::Connected(_) if self.session.connected => return End::Reached,
                Until::Settled(deadline) | Until::Connected(deadline) => Some(deadline),
            };
            if let Err(gone) = self.session.console.flush().await {
                return End::Output(gone);
            }
            let session = &mut self.session;
            let happened = tokio::select! {
                biased;
                () = session.stop.asked() => return End::Stopped,
                event = session.updates.next() => self.on_event(event).await,
                line = session.input.next(), if session.own.has_room() => self.on_line(line).await,
                () = until_deadline(deadline) => return End::Reached,
            };
            match happened {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(gone) => return End::Output(gone),
            }
        }
    }

    async fn on_event(&mut self, event: Option<ChatEvent>) -> Result<Option<End>, Gone> {
        if let Some(ChatEvent::Missed { count, .. }) = event {
            self.session.note(Tone::Faint, &format!("{count} events missed; catching up"));
            return self.catch_up().await;
        }
        self.session.on_event(event).await
    }

    async fn on_line(&mut self, line: Result<Option<String>, BadInput>) -> Result<Option<End>, Gone> {
        match line {
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => self.send(&line).await?,
            Ok(None) => return Ok(Some(End::Reached)),
            Err(bad) => return Ok(Some(End::BadInput(bad))),
        }
        Ok(None)
    }

    async fn send(&mut self, text: &str) -> Result<(), Gone> {
        if let Err(error) = self.chat.send(text) {
            self.session.own.on_refused();
            let now = jiff::Timestamp::now().as_millisecond();
            let line = self.session.lines.own(now, text, &Mark::Failed(error.to_string()));
            self.session.console.line(&line).await?;
        }
        Ok(())
    }
}

impl Session {
    pub(super) async fn on_event(&mut self, event: Option<ChatEvent>) -> Result<Option<End>, Gone> {
        let now = jiff::Timestamp::now().as_millisecond();
        match event {
            None => return Ok(Some(End::Final(Closed::ByUser))),
            Some(ChatEvent::Connection(state)) => return Ok(self.on_state(&state)),
            Some(ChatEvent::Timeline(Change::Added { entry, .. } | Change::Updated { entry, .. })) => {
                self.on_entry(&entry).await?;
            }
            Some(ChatEvent::Joined(user)) => {
                let line = self.lines.joined(now, &user.user_name);
                self.console.line(&line).await?;
            }
            Some(ChatEvent::Left(user)) => {
                let line = self.lines.left(now, &user.user_name);
                self.console.line(&line).await?;
            }
            Some(ChatEvent::Named(me)) => self.lines.me = me.user_name,
            Some(ChatEvent::Synced { earlier: true }) if !self.told_of_earlier => {
                self.told_of_earlier = true;
                self.note(Tone::Faint, "there are older messages, not shown here");
            }
            // Changes of place, and events that are newer than this program.
            Some(_) => {}
        }
        Ok(None)
    }

    async fn on_entry(&mut self, entry: &Entry) -> Result<(), Gone> {
        let line = if entry.own {
            match self.own.on_entry(entry) {
                LineUpdate::Sending | LineUpdate::Nothing => return Ok(()),
                // Nothing after "sent" is shown of a line; a failed one may be shown again.
                LineUpdate::Settled if entry.status == Status::Sent && !self.shown.insert(&entry.id) => return Ok(()),
                LineUpdate::Settled => self.lines.own(entry.timestamp, &entry.text, &mark(&entry.status)),
            }
        } else if self.shown.insert(&entry.id) {
            self.lines.said(entry.timestamp, &entry.user_name, &entry.text)
        } else {
            return Ok(());
        };
        self.console.line(&line).await
    }

    fn on_state(&mut self, state: &State) -> Option<End> {
        if self.state.as_ref() == Some(state) {
            return None;
        }
        self.state = Some(state.clone());
        // The end is reported with the exit code.
        if !matches!(state, State::Closed(_)) {
            let (tone, text) = describe::state(state, Instant::now());
            self.note(tone, &text);
        }
        match state {
            State::Closed(closed) if state.is_final() => return Some(End::Final(closed.clone())),
            State::Connected { .. } => self.connected = true,
            State::Disconnected { cause, .. } => self.last_cause = Some(cause.clone()),
            _ => {}
        }
        None
    }

    /// Prints a line about the connection.
    pub(super) fn note(&mut self, tone: Tone, text: &str) {
        self.console.say(format!("{} {}", self.look.paint(Tone::Faint, "everwire:"), self.look.paint(tone, text)));
    }
}

fn mark(status: &Status) -> Mark {
    match status {
        Status::Sending | Status::Sent | Status::Delivered | Status::Read => Mark::Sent,
        Status::Failed(failure) => Mark::Failed(failure.to_string()),
    }
}

async fn until_deadline(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
