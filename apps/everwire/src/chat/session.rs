//! Everything that happens between joining and leaving.

use std::time::{Duration, Instant};

use everwire::{Closed, State};
use everwire_chat::{Change, ChatClient, ChatEvent, Entry, Status, Updates, limits};
use jiff::tz::TimeZone;
use tokio::time::{sleep, sleep_until};

use super::command::{Command, HELP};
use super::ending::{self, End};
use super::input::{Heard, Input};
use super::lines::{self, Lines, Mark};
use super::own::{News, Own, Shown};
use super::signal::Signal;
use crate::address::Address;
use crate::args::ChatArgs;
use crate::exit::{Exit, Failure};
use crate::term::{Console, Gone, Look, Stop, Tone, Typed, printable_line};
use crate::words;

/// How often a countdown on a screen is painted anew.
const TICK: Duration = Duration::from_millis(250);
/// So many of our lines that are on their way are shown on a screen.
const PENDING_ROWS: usize = 4;

pub(super) struct Session {
    pub(super) args: ChatArgs,
    pub(super) updates: Updates,
    pub(super) console: Console,
    pub(super) own: Own,
    pub(super) stop: Stop,
    shown: Shown,
    pub(super) input: Input,
    lines: Lines,
    look: Look,
    signal: Signal,
    typing: Vec<String>,
    state: Option<State>,
    /// The state that was told last.
    told: Option<State>,
    told_of_earlier: bool,
}

/// What is waited for.
#[derive(Clone, Copy)]
enum Until {
    InputEnds,
    /// Every own line is settled, or time is over.
    Settled(tokio::time::Instant),
}

impl Session {
    pub(super) fn start(args: ChatArgs, chat: ChatClient, console: Console, look: Look, stop: Stop) -> Running {
        let input = match &console {
            _ if args.listen => Input::None,
            Console::Screen(_) => Input::Screen,
            Console::Plain(_) => Input::stdin(limits::TEXT_BYTES),
        };
        let lines = Lines {
            // Content goes to stdout, words on the connection to stderr: each has its own look.
            look: if matches!(console, Console::Screen(_)) { look } else { Look { colours: false } },
            zone: TimeZone::system(),
            one_line: matches!(console, Console::Plain(_)),
            me: args.name.clone(),
        };
        let session = Self {
            args,
            updates: chat.updates(),
            console,
            own: Own::default(),
            stop,
            shown: Shown::default(),
            input,
            lines,
            look,
            signal: Signal::default(),
            typing: Vec::new(),
            state: None,
            told: None,
            told_of_earlier: false,
        };
        Running { session, chat }
    }
}

/// A session with its client, which leaving consumes.
pub(super) struct Running {
    pub(super) session: Session,
    pub(super) chat: ChatClient,
}

impl Running {
    pub(super) async fn run(mut self, address: &Address) -> Result<Exit, Failure> {
        if let Some(url) = &address.understood_as {
            self.session.note(Tone::Faint, &format!("using {url}"));
        }
        if self.session.console.is_screen() {
            self.session.note(Tone::Faint, "type to send; /help tells what else there is");
        }
        // What came before the first news.
        let end = match self.catch_up().await {
            Ok(None) => self.converse().await,
            Ok(Some(end)) => end,
            Err(gone) => End::Output(gone),
        };
        ending::end(self, end).await
    }

    /// Shows what has not been shown of all that is known now.
    async fn catch_up(&mut self) -> Result<Option<End>, Gone> {
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
        let deadline = tokio::time::Instant::now() + self.session.args.close_timeout;
        let settled = self.wait(Until::Settled(deadline)).await;
        bad.map_or(settled, End::BadInput)
    }

    async fn wait(&mut self, until: Until) -> End {
        loop {
            let deadline = match until {
                Until::InputEnds => None,
                Until::Settled(_) if self.session.own.is_settled() => return End::Reached,
                Until::Settled(deadline) => Some(deadline),
            };
            self.repaint();
            if let Err(gone) = self.session.console.flush().await {
                return End::Output(gone);
            }
            let session = &mut self.session;
            let counts_down = session.console.is_screen() && matches!(session.state, Some(State::Disconnected { .. }));
            let pause = session.signal.deadline();
            let happened = tokio::select! {
                biased;
                () = session.stop.asked() => return End::Stopped,
                event = session.updates.next() => self.on_event(event).await,
                heard = session.input.next(&mut session.console), if session.own.has_room() => {
                    self.on_heard(heard).await
                }
                () = until_instant(pause) => {
                    let told = session.signal.on_pause(Instant::now());
                    self.tell_typing(told);
                    Ok(None)
                }
                () = sleep(TICK), if counts_down => Ok(None),
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
        if let Some(ChatEvent::Missed(count)) = event {
            self.session.note(Tone::Faint, &format!("{count} events missed; catching up"));
            return self.catch_up().await;
        }
        self.session.on_event(event).await
    }

    async fn on_heard(&mut self, heard: Heard) -> Result<Option<End>, Gone> {
        match heard {
            Heard::Line(Ok(Some(line))) if line.trim().is_empty() => {}
            Heard::Line(Ok(Some(line))) => self.send(&line).await?,
            Heard::Line(Ok(None)) | Heard::Typed(Ok(Typed::End)) => return Ok(Some(End::Reached)),
            Heard::Line(Err(bad)) => return Ok(Some(End::BadInput(bad))),
            Heard::Typed(Err(error)) => return Err(error.into()),
            Heard::Typed(Ok(Typed::Interrupt)) => self.session.stop.press(),
            Heard::Typed(Ok(Typed::Edited { blank })) => {
                let told = self.session.signal.on_edit(blank, Instant::now());
                self.tell_typing(told);
            }
            Heard::Typed(Ok(Typed::Line(line))) => match Command::of(&line) {
                Command::Nothing => {}
                Command::Say(text) => {
                    self.session.signal.on_sent();
                    self.send(&text).await?;
                }
                Command::Retry => self.retry(),
                Command::Quit => return Ok(Some(End::Reached)),
                Command::Help => self.session.note(Tone::Faint, HELP),
                Command::Unknown(command) => {
                    let command = printable_line(&command);
                    self.session.note(Tone::Bad, &format!("there is no {command}; /help tells what there is"));
                }
            },
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

    fn retry(&mut self) {
        let failed = self.session.own.failed();
        if failed.is_empty() {
            self.session.note(Tone::Faint, "nothing has failed");
        }
        for id in failed {
            if let Err(error) = self.chat.retry(&id) {
                self.session.note(Tone::Bad, &format!("not sent again: {}", printable_line(&error.to_string())));
            }
        }
    }

    fn tell_typing(&self, told: Option<bool>) {
        if let Some(is_typing) = told {
            self.chat.typing(is_typing);
        }
    }

    fn repaint(&mut self) {
        let others = self.chat.users().len();
        self.session.repaint(others);
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
            Some(ChatEvent::Typing(names)) => self.typing = names,
            Some(ChatEvent::Synced { earlier: true }) if !self.told_of_earlier => {
                self.told_of_earlier = true;
                self.note(Tone::Faint, "there are older messages, not shown here");
            }
            // What only changes places, and news that are newer than this program.
            Some(_) => {}
        }
        Ok(None)
    }

    async fn on_entry(&mut self, entry: &Entry) -> Result<(), Gone> {
        let line = if entry.own {
            match self.own.on_entry(entry) {
                News::Sending | News::Nothing => return Ok(()),
                // Sent is the last that is shown of a line; a failed one may be told again.
                News::Settled if entry.status == Status::Sent && !self.shown.insert(&entry.id) => return Ok(()),
                News::Settled => self.lines.own(entry.timestamp, &entry.text, &mark(&entry.status)),
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
        // How it ended is told at the end.
        let told = match self.console.is_screen() {
            true => words::is_news(state, self.told.as_ref()),
            false => !matches!(state, State::Closed(_)),
        };
        if told {
            let (tone, text) = words::state(state, Instant::now());
            self.note(tone, &text);
            self.told = Some(state.clone());
        }
        match state {
            State::Closed(closed) if state.is_final() => Some(End::Final(closed.clone())),
            _ => None,
        }
    }

    /// A line about the connection.
    pub(super) fn note(&mut self, tone: Tone, text: &str) {
        let line = match &self.console {
            Console::Screen(_) => self.look.paint(tone, &format!("— {text}")),
            Console::Plain(_) => {
                format!("{} {}", self.look.paint(Tone::Faint, "everwire:"), self.look.paint(tone, text))
            }
        };
        self.console.say(line);
    }

    fn repaint(&mut self, others: usize) {
        let Console::Screen(screen) = &mut self.console else { return };
        let sending = self.own.sending();
        let hidden = sending.len().saturating_sub(PENDING_ROWS);
        let mut rows: Vec<String> = Vec::new();
        for entry in sending.iter().take(PENDING_ROWS) {
            rows.push(self.lines.own(entry.timestamp, &printable_line(&entry.text), &Mark::Sending));
        }
        if hidden > 0 {
            rows.push(self.look.paint(Tone::Faint, &format!("         and {hidden} more on their way …")));
        }
        if let Some(state) = &self.state {
            let typing = if state.is_connected() { lines::typing(&self.typing) } else { None };
            rows.extend(typing.map(|text| self.look.paint(Tone::Faint, &text)));
            let (tone, text) = words::state(state, Instant::now());
            let company = match others {
                _ if !state.is_connected() => String::new(),
                0 => ", nobody else here".to_owned(),
                1 => ", 1 other here".to_owned(),
                others => format!(", {others} others here"),
            };
            rows.push(self.look.paint(tone, &format!("● {text}{company}")));
        }
        // A terminal that has gone shows as the end of its input.
        let _ = screen.set_rows(rows);
    }
}

fn mark(status: &Status) -> Mark {
    match status {
        Status::Sending => Mark::Sending,
        Status::Sent | Status::Delivered | Status::Read => Mark::Sent,
        Status::Failed(failure) if failure.is_retryable() => Mark::Failed(format!("{failure}; /retry sends it again")),
        Status::Failed(failure) => Mark::Failed(failure.to_string()),
    }
}

async fn until_deadline(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn until_instant(instant: Option<Instant>) {
    until_deadline(instant.map(tokio::time::Instant::from_std)).await;
}
