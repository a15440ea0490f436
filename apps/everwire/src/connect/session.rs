//! Everything that happens between start and end.

use std::time::{Duration, Instant};

use everwire::{
    AddressResult, Cause, Client, Closed, Event, EventItem, Events, Inbox, Message, Outcome, State, TriedAddress,
};
use everwire_server::after;
use tokio::time::{sleep, sleep_until};

use super::end::End;
use super::input::{Cut, Input, InputLine, Pump, Read, WhenFull};
use super::json::{EventLine, Line, Payload, StateLine, word};
use super::ledger::Ledger;
use super::report::{self, Report};
use super::settings;
use crate::address::Address;
use crate::args::{ConnectArgs, GuaranteeArg, OverflowArg};
use crate::describe;
use crate::term::{Console, Gone, Stop, Typed};

/// One binary message of stdin is at most this long.
const CHUNK: usize = 64 << 10;
/// So many messages or lines are taken in one go before anything else gets its turn.
const BURST: usize = 1024;
/// Stdin that has nothing for so long is not waited for when all else is done.
const UNREAD: Duration = Duration::from_secs(1);
/// How often a countdown on a screen is painted anew.
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
    /// The state as it was told last.
    told: Option<State>,
    /// What is known of the addresses, where there is a choice.
    addresses: Vec<TriedAddress>,
    /// Where it goes.
    url: String,
    /// What was found out when the first connection failed.
    instead: Option<Instead>,
    /// As many messages as were wanted have come, and no more is printed.
    enough: bool,
    /// At the end stdin had not ended.
    pub(super) stdin_goes_on: bool,
    pub(super) console: Console,
    pub(super) report: Report,
    pub(super) stop: Stop,
}

/// Whether another address is what is wanted.
enum Instead {
    Unknown,
    Advised(String),
}

/// What is waited for.
#[derive(Clone, Copy)]
enum Until {
    InputEnds,
    /// Stdin has ended, or had nothing more for a while.
    InputRead,
    /// Every line has its outcome, or time is over.
    Settled(tokio::time::Instant),
    /// There has been a connection, or time is over.
    Connected(tokio::time::Instant),
    /// Nothing was received for this long; `None`: for ever.
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
                Input::Pump(Pump::start(client.clone(), Cut::Chunks { limit }, when_full))
            }
            Console::Plain(_) => {
                let limit = args.delivery.outbox_bytes;
                Input::Pump(Pump::start(client.clone(), Cut::Lines { limit }, when_full))
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
            told: None,
            addresses: Vec::new(),
            url: String::new(),
            instead: None,
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

    /// Stays until it ends, and says why.
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

    /// Until there is nothing more to do.
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

    /// What was wanted may come before stdin was read, as a greeting does. What is there of that belongs to what was asked for.
    async fn read_the_rest(&mut self) -> End {
        self.enough = true;
        match self.wait(Until::InputRead).await {
            End::Reached => End::Enough,
            end => end,
        }
    }

    /// What to do instead, if the address is what is wrong.
    pub(super) fn advice(&self) -> Option<&str> {
        match &self.instead {
            Some(Instead::Advised(advice)) => Some(advice),
            Some(Instead::Unknown) | None => None,
        }
    }

    /// Reads no more; what was sent meanwhile is accounted for like the rest.
    async fn end_input(&mut self) {
        for read in self.input.end().await {
            self.note(read);
        }
    }

    /// After the end of stdin. A wanted number of messages is waited for as long as it takes; else it is waited until
    /// nothing comes any more, once there is a connection that something could come by.
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

    /// How many messages are to be received.
    pub(super) fn wanted(&self) -> Option<u64> {
        if self.args.once { Some(1) } else { self.args.messages }
    }

    async fn wait(&mut self, until: Until) -> End {
        let mut quiet_since = tokio::time::Instant::now();
        loop {
            let reached = match until {
                // Where the other side answers no pings there is nothing to wait for.
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
            // A kind of news that is newer than this program.
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
            self.look_closer(cause).await;
        }
        if let State::Disconnected { cause, attempt, .. } = state
            && self.is_hopeless(cause, *attempt)
        {
            // What the client would do next is not what follows.
            self.last_cause = Some(cause.clone());
            return Ok(Some(End::Hopeless(cause.clone())));
        }
        let now = Instant::now();
        if !matches!(state, State::Closed(Closed::Initial)) {
            // How it ended is told at the end.
            let told = match self.console.is_screen() {
                true => describe::is_news(state, self.told.as_ref()),
                false => !state.is_final(),
            };
            if told {
                self.say(self.report.state(state, now));
                self.told = Some(state.clone());
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

    /// Once, when something has answered before the first connection as a port does that waits for TLS.
    async fn look_closer(&mut self, cause: &Cause) {
        if !self.connected && self.instead.is_none() && settings::may_be_tls(&self.url, cause) {
            let found = settings::tls_instead(&self.args, &self.url).await;
            self.instead = Some(found.map_or(Instead::Unknown, Instead::Advised));
        }
    }

    /// Whether what answered can't make a connection, and no other address is left to try: each attempt starts at another
    /// one.
    fn is_hopeless(&self, cause: &Cause, next_attempt: u32) -> bool {
        let retried = cause.code().is_some_and(|code| self.args.protocol.retries_on_status(code));
        let hopeless = describe::is_hopeless(cause) || self.advice().is_some();
        let failed = |tried: &TriedAddress| matches!(tried.result, AddressResult::Failed(_));
        let others =
            self.addresses.len() > next_attempt.saturating_sub(1) as usize && !self.addresses.iter().all(failed);
        !self.connected && !retried && hopeless && !others
    }

    /// Takes what else has arrived along, so that a burst is flushed once.
    pub(super) async fn on_message(&mut self, message: Option<Message>) -> Result<Option<End>, Gone> {
        let Some(message) = message else {
            // The end of the inbox is the end of the client: its last events tell how, and the very last is its state.
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
        // With a policy that drops the newest lines, outcomes pile up behind the oldest, which waits.
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

    /// Takes what else is settled along, so that neighbours with one outcome are told together.
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
                self.json(&Line::Outcome { line, outcome: word(outcome), delivered, detail }).await?;
            }
        }
        Ok(())
    }

    /// Whether it was the last one that is wanted.
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

    /// The state stands on the screen above what is typed.
    fn repaint(&mut self) {
        if let Console::Screen(screen) = &mut self.console {
            let row = self.report.row(&self.client.state(), Instant::now());
            // A terminal that has gone shows as the end of its input.
            let _ = screen.set_rows(vec![row]);
        }
    }

    fn counts_down(&self) -> bool {
        matches!(self.console, Console::Screen(_)) && matches!(self.client.state(), State::Disconnected { .. })
    }
}
