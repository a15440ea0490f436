//! The loop of `everwire connect`, from start to end.

use std::time::{Duration, Instant};

use everwire::{
    AddressResult, Cause, Client, Closed, Event, EventItem, Events, Inbox, Message, Outcome, State, TriedAddress,
};
use everwire_server::after;
use tokio::time::{sleep, sleep_until};

use super::end::End;
use super::input::{Input, InputLine, Pump, Read, SplitBy, WhenFull};
use super::json::{EventLine, Line, Payload, StateLine, outcome_name};
use super::ledger::Ledger;
use super::report::{self, Report};
use super::settings;
use crate::address::Address;
use crate::args::{ConnectArgs, GuaranteeArg, OverflowArg};
use crate::describe;
use crate::term::{Console, Gone, Stop, Typed};

/// The longest binary message of stdin, in bytes.
const CHUNK: usize = 64 << 10;
/// The most messages or lines that are handled in one go, before other events get their turn.
const BURST: usize = 1024;
/// When enough messages were received: stdin counts as read after this long without input.
const UNREAD: Duration = Duration::from_secs(1);
/// How often a countdown on a screen is repainted.
const TICK: Duration = Duration::from_millis(250);

pub(super) struct Session {
    pub(super) args: ConnectArgs,
    pub(super) client: Client,
    pub(super) events: Events,
    pub(super) inbox: Inbox,
    pub(super) input: Input,
    pub(super) ledger: Ledger,
    pub(super) received: u64,
    /// Whether there has been a connection.
    pub(super) connected: bool,
    /// Why there is no connection.
    pub(super) last_cause: Option<Cause>,
    /// The state that was printed last.
    reported: Option<State>,
    /// The results of the server's addresses, if it has several.
    addresses: Vec<TriedAddress>,
    /// The server's URL.
    url: String,
    /// Whether the port speaks TLS; `None` until that was checked.
    tls_check: Option<TlsCheck>,
    /// The wanted number of messages has come, and no more are printed.
    enough: bool,
    /// Stdin had not ended when the session ended.
    pub(super) stdin_goes_on: bool,
    pub(super) console: Console,
    pub(super) report: Report,
    pub(super) stop: Stop,
}

/// Whether the user should use `wss://` instead.
enum TlsCheck {
    NoAdvice,
    Advised(String),
}

/// The condition that is awaited.
#[derive(Clone, Copy)]
enum Until {
    InputEnds,
    /// Stdin has ended, or had nothing more for a while.
    InputRead,
    /// Every line has its outcome, or the deadline has passed.
    Settled(tokio::time::Instant),
    /// There has been a connection, or the deadline has passed.
    Connected(tokio::time::Instant),
    /// Nothing was received for this long; `None`: this is never reached.
    Quiet(Option<Duration>),
}

impl Session {
    pub(super) fn start(args: ConnectArgs, client: Client, console: Console, report: Report, stop: Stop) -> Self {
        let when_full = match args.delivery.overflow {
            OverflowArg::Refuse => WhenFull::Refuse,
            OverflowArg::Wait | OverflowArg::DropOldest | OverflowArg::DropNewest => WhenFull::Wait,
        };
        let input = match &console {
            _ if args.receive_only => Input::None,
            Console::Screen(_) => Input::Screen,
            Console::Plain(_) if args.binary => {
                let limit = CHUNK.min(args.delivery.outbox_bytes);
                Input::Pump(Pump::start(client.clone(), SplitBy::Chunks { limit }, when_full))
            }
            Console::Plain(_) => {
                let limit = args.delivery.outbox_bytes;
                Input::Pump(Pump::start(client.clone(), SplitBy::Lines { limit }, when_full))
            }
        };
        let written_is_enough = args.delivery.guarantee == GuaranteeArg::Unproven;
        Self {
            events: client.events(),
            inbox: client.messages(),
            ledger: Ledger::new(written_is_enough),
            received: 0,
            connected: false,
            last_cause: None,
            reported: None,
            addresses: Vec::new(),
            url: String::new(),
            tls_check: None,
            enough: false,
            stdin_goes_on: false,
            args,
            client,
            input,
            console,
            report,
            stop,
        }
    }

    /// Runs to the end, and returns why it ended.
    pub(super) async fn run(mut self, address: &Address) -> (Self, End) {
        if let Some(url) = &address.understood_as {
            self.say(self.report.note(&format!("using {url}")));
        }
        self.url.clone_from(&address.url);
        self.client.connect();
        let end = self.converse().await;
        self.stdin_goes_on = matches!(self.input, Input::Pump(_));
        self.end_input().await;
        (self, end)
    }

    /// Sends and receives until there is nothing more to do.
    async fn converse(&mut self) -> End {
        let read = match self.wait(Until::InputEnds).await {
            End::Reached => None,
            End::BadInput(bad) => Some(bad),
            End::Enough => return self.read_the_rest().await,
            end => return end,
        };
        self.end_input().await;
        let deadline = after(tokio::time::Instant::now(), self.args.close_timeout);
        let settled = self.wait(Until::Settled(deadline)).await;
        if let Some(bad) = read {
            return End::BadInput(bad);
        }
        match settled {
            End::Reached if self.ledger.is_settled() => self.linger(deadline).await,
            end => end,
        }
    }

    /// The wanted messages may come before stdin was read, for instance as a greeting. The lines that are on stdin already are
    /// still sent.
    async fn read_the_rest(&mut self) -> End {
        self.enough = true;
        match self.wait(Until::InputRead).await {
            End::Reached => End::Enough,
            end => end,
        }
    }

    /// Advice to use another address, if the port speaks TLS.
    pub(super) fn advice(&self) -> Option<&str> {
        match &self.tls_check {
            Some(TlsCheck::Advised(advice)) => Some(advice),
            Some(TlsCheck::NoAdvice) | None => None,
        }
    }

    /// Stops reading, and accounts for the messages that were sent meanwhile.
    async fn end_input(&mut self) {
        for read in self.input.end().await {
            self.note(read);
        }
    }

    /// After the end of stdin: waits for the wanted number of messages, however long it takes; without one, waits for a
    /// connection, and then until nothing has been received for the time of `--linger`.
    async fn linger(&mut self, deadline: tokio::time::Instant) -> End {
        let quiet = if self.wanted().is_some() { None } else { self.args.linger.0 };
        if quiet.is_some() {
            match self.wait(Until::Connected(deadline)).await {
                End::Reached if self.connected => {}
                end => return end,
            }
        }
        self.wait(Until::Quiet(quiet)).await
    }

    /// The number of messages to receive, if it is limited.
    pub(super) fn wanted(&self) -> Option<u64> {
        if self.args.once { Some(1) } else { self.args.messages }
    }

    async fn wait(&mut self, until: Until) -> End {
        let mut quiet_since = tokio::time::Instant::now();
        loop {
            let reached = match until {
                // If the server answers no pings, no evidence will come.
                Until::Settled(_) => {
                    self.ledger.is_settled() || self.client.stats().machine.answers_pings == Some(false)
                }
                Until::Connected(_) => self.connected,
                Until::InputEnds | Until::InputRead | Until::Quiet(_) => false,
            };
            if reached {
                return End::Reached;
            }
            if let Err(gone) = self.console.flush().await {
                return End::Output(gone);
            }
            let deadline = match until {
                Until::InputEnds | Until::Quiet(None) => None,
                Until::Settled(deadline) | Until::Connected(deadline) => Some(deadline),
                Until::Quiet(Some(quiet)) => Some(after(quiet_since, quiet)),
                Until::InputRead => Some(after(quiet_since, UNREAD)),
            };
            let reached = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let happened = tokio::select! {
                biased;
                () = self.stop.asked() => return End::Stopped,
                item = self.events.next() => self.on_event(item).await,
                message = self.inbox.next() => {
                    if !self.enough {
                        quiet_since = tokio::time::Instant::now();
                    }
                    self.on_message(message).await
                }
                (line, outcome) = self.ledger.settled() => self.on_outcomes(line, outcome).await,
                heard = self.input.next(&mut self.console) => {
                    if self.enough {
                        quiet_since = tokio::time::Instant::now();
                    }
                    self.on_input(heard).await
                }
                () = sleep(TICK), if self.counts_down() => { self.repaint(); Ok(None) }
                () = reached => return End::Reached,
            };
            match happened {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(gone) => return End::Output(gone),
            }
        }
    }

    pub(super) async fn on_event(&mut self, item: Option<EventItem>) -> Result<Option<End>, Gone> {
        match item {
            Some(EventItem::State(state)) => return self.on_state(&state).await,
            Some(EventItem::Event(event)) => {
                self.say(self.report.event(&event));
                self.json(&Line::Event(EventLine::of(&event))).await?;
                if let Event::Addresses(tried) = event {
                    self.addresses = tried;
                }
            }
            Some(EventItem::Discarded(messages)) => {
                self.say(self.report.discarded(messages));
                self.json(&Line::Discarded { messages }).await?;
            }
            Some(EventItem::Missed(events)) => {
                self.say(self.report.missed(events));
                self.json(&Line::Missed { events }).await?;
                let state = self.client.state();
                return self.on_state(&state).await;
            }
            // A kind of event that is newer than this program.
            Some(_) => {}
            None => {
                let closed = match self.client.state() {
                    State::Closed(closed) => closed,
                    _ => Closed::ByUser,
                };
                return Ok(Some(End::Final(closed)));
            }
        }
        Ok(None)
    }

    async fn on_state(&mut self, state: &State) -> Result<Option<End>, Gone> {
        self.repaint();
        if let State::Disconnected { cause, .. } | State::Closed(Closed::Refused(cause)) = state {
            self.check_tls(cause).await;
        }
        if let State::Disconnected { cause, attempt, .. } = state
            && self.is_hopeless(cause, *attempt)
        {
            // The client would try again, but this program ends.
            self.last_cause = Some(cause.clone());
            return Ok(Some(End::Hopeless(cause.clone())));
        }
        let now = Instant::now();
        if !matches!(state, State::Closed(Closed::Initial)) {
            // The end is reported with the exit code.
            let is_printed = match self.console.is_screen() {
                true => describe::deserves_line(state, self.reported.as_ref()),
                false => !state.is_final(),
            };
            if is_printed {
                self.say(self.report.state(state, now));
                self.reported = Some(state.clone());
            }
            self.json(&Line::State(StateLine::of(state, now))).await?;
        }
        match state {
            State::Closed(Closed::Initial) => Ok(None),
            State::Closed(closed) => Ok(Some(End::Final(closed.clone()))),
            State::Connected { .. } => {
                self.connected = true;
                Ok(None)
            }
            State::Disconnected { cause, .. } => {
                self.last_cause = Some(cause.clone());
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Checks once whether the port speaks TLS, if the first connection failed as it does at such a port.
    async fn check_tls(&mut self, cause: &Cause) {
        if !self.connected && self.tls_check.is_none() && settings::may_be_tls(&self.url, cause) {
            let found = settings::tls_instead(&self.args, &self.url).await;
            self.tls_check = Some(found.map_or(TlsCheck::NoAdvice, TlsCheck::Advised));
        }
    }

    /// Whether no attempt can succeed: the answer was not a WebSocket's, and each attempt starts at another address, of which
    /// none is left.
    fn is_hopeless(&self, cause: &Cause, next_attempt: u32) -> bool {
        let retried = cause.code().is_some_and(|code| self.args.protocol.retries_on_status(code));
        let hopeless = describe::is_hopeless(cause) || self.advice().is_some();
        let failed = |tried: &TriedAddress| matches!(tried.result, AddressResult::Failed(_));
        let others =
            self.addresses.len() > next_attempt.saturating_sub(1) as usize && !self.addresses.iter().all(failed);
        !self.connected && !retried && hopeless && !others
    }

    /// Prints a message, and the others that have arrived, so that a burst is flushed once.
    pub(super) async fn on_message(&mut self, message: Option<Message>) -> Result<Option<End>, Gone> {
        let Some(message) = message else {
            // The inbox ends with the client; its last events say how, and the very last one is its state.
            loop {
                let item = self.events.next().await;
                if let Some(end) = self.on_event(item).await? {
                    return Ok(Some(end));
                }
            }
        };
        if self.enough {
            return Ok(None);
        }
        let (mut next, mut taken) = (Some(message), 0);
        while let Some(message) = next {
            if self.print(&message).await? {
                return Ok(Some(End::Enough));
            }
            taken += 1;
            next = if taken < BURST { self.inbox.try_next() } else { None };
        }
        Ok(None)
    }

    pub(super) async fn on_input(&mut self, heard: InputLine) -> Result<Option<End>, Gone> {
        let read = match heard {
            InputLine::Read(read) => read,
            InputLine::Typed(Err(error)) => return Err(error.into()),
            InputLine::Typed(Ok(Typed::Edited { .. })) => return Ok(None),
            InputLine::Typed(Ok(Typed::End)) => Read::End,
            InputLine::Typed(Ok(Typed::Interrupt)) => {
                self.stop.press();
                return Ok(None);
            }
            InputLine::Typed(Ok(Typed::Line(line))) => {
                self.console.say(self.report.typed(&line));
                self.client.send(line).map_or_else(Read::Unsent, Read::Sent)
            }
        };
        let (mut next, mut taken) = (Some(read), 0);
        while let Some(read) = next {
            if let Some(end) = self.note(read) {
                return Ok(Some(end));
            }
            taken += 1;
            next = if taken < BURST { self.input.ready() } else { None };
        }
        // With a policy that drops the newest lines, outcomes accumulate behind the oldest line, which waits.
        if self.ledger.len() > self.args.delivery.outbox_messages.saturating_mul(2) {
            for (line, outcome) in self.ledger.sweep() {
                self.tell(line, line, outcome).await?;
            }
        }
        Ok(None)
    }

    fn note(&mut self, read: Read) -> Option<End> {
        match read {
            Read::Sent(delivery) => {
                self.ledger.sent(delivery);
            }
            Read::Unsent(error) => {
                self.ledger.unsent();
                let problem = self.report.refused(&report::refusal(&error));
                self.say(Some(problem));
            }
            Read::End => return Some(End::Reached),
            Read::Bad(bad) => return Some(End::BadInput(bad)),
        }
        None
    }

    /// Reports an outcome, together with those of the next lines if they are the same.
    pub(super) async fn on_outcomes(&mut self, line: u64, outcome: Outcome) -> Result<Option<End>, Gone> {
        let (mut first, mut last, mut common) = (line, line, outcome);
        while let Some((line, outcome)) = self.ledger.ready() {
            if outcome != common || line != last + 1 {
                self.tell(first, last, common).await?;
                (first, common) = (line, outcome);
            }
            last = line;
        }
        self.tell(first, last, common).await?;
        Ok(None)
    }

    async fn tell(&mut self, first: u64, last: u64, outcome: Outcome) -> Result<(), Gone> {
        self.say(self.report.outcome(first, last, outcome));
        if self.args.report.json {
            let delivered = self.ledger.account().is_good(outcome);
            for line in first..=last {
                let detail = outcome.to_string();
                self.json(&Line::Outcome { line, outcome: outcome_name(outcome), delivered, detail }).await?;
            }
        }
        Ok(())
    }

    /// Prints a message; returns whether it was the last wanted one.
    pub(super) async fn print(&mut self, message: &Message) -> Result<bool, Gone> {
        self.received += 1;
        if self.args.report.json {
            self.json(&Line::Message(Payload::of(message))).await?;
        } else if self.args.binary {
            self.console.bytes(message.payload()).await?;
        } else {
            let line = report::content(message);
            match &self.console {
                Console::Screen(_) => self.console.content(&format!("< {line}")).await?,
                Console::Plain(_) => self.console.content(&line).await?,
            }
        }
        Ok(self.wanted().is_some_and(|wanted| self.received >= wanted))
    }

    pub(super) fn say(&mut self, line: Option<String>) {
        if let Some(line) = line {
            self.console.say(line);
        }
    }

    pub(super) async fn json(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        if self.args.report.json {
            self.console.content(&line.text(jiff::Timestamp::now())).await?;
        }
        Ok(())
    }

    /// Shows the state on the screen, above the input line.
    fn repaint(&mut self) {
        if let Console::Screen(screen) = &mut self.console {
            let row = self.report.row(&self.client.state(), Instant::now());
            // An error is ignored: a closed terminal is noticed by the end of its input.
            let _ = screen.set_rows(vec![row]);
        }
    }

    fn counts_down(&self) -> bool {
        matches!(self.console, Console::Screen(_)) && matches!(self.client.state(), State::Disconnected { .. })
    }
}
