//! The loop between joining and leaving: handles keys, chat events and timers.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use everwire_chat::rooms::RoomList;
use everwire_chat::signal::AwaySignal;
use everwire_chat::{ChatClient, ChatEvent, Entry, SendError};
use everwire_i18n::{Language, Text, Words};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{sleep, sleep_until};

use super::link::Link;
use super::model::{Action, Model, Panel};
use super::paint::{Now, paint};
use super::room::Room;
use super::rooms::{Join, Rooms};
use super::theme::Theme;
use crate::args::BellArg;
use crate::chat::PATIENCE;
use crate::chat::advice::AuthMethod;
use crate::chat::folder::Folder;
use crate::chat::memory;
use crate::chat::unsent::Unsent;
use crate::exit::{Exit, Failure};
use crate::term::{FullScreen, Stop, local_zone, printable_line};

/// How often a countdown is repainted.
const TICK: Duration = Duration::from_millis(250);
/// The longest delay before new messages are written to the folder.
const KEEPING: Duration = Duration::from_secs(5);
/// The most events that are handled before the screen is painted again.
const BURST: usize = 512;

/// How the chat is shown, and which room first.
pub(crate) struct Settings {
    pub(crate) words: Words,
    pub(crate) theme: Theme,
    pub(crate) room: String,
    pub(crate) close_timeout: Duration,
    pub(crate) auth: AuthMethod,
    pub(crate) bell: BellArg,
    /// Asks the server which rooms it lists.
    pub(crate) list: ListRooms,
    /// The folder in which unsent and last messages are kept for the next start.
    pub(crate) kept_in: Option<Folder>,
}

/// Asks a server which rooms it lists; the error is a line for the user.
pub(crate) type ListRooms = Arc<dyn Fn() -> BoxFuture<'static, Result<RoomList, String>> + Send + Sync>;

struct App {
    terminal: FullScreen,
    model: Model,
    rooms: Rooms,
    stop: Stop,
    /// Rooms that are being left, until their messages are sent.
    leaving: tokio::task::JoinSet<usize>,
    list: ListRooms,
    /// Requests for the server's rooms that are in flight.
    listing: tokio::task::JoinSet<Result<RoomList, String>>,
    unsent: Unsent,
    close_timeout: Duration,
    auth: AuthMethod,
    undelivered: usize,
    kept_in: Option<Folder>,
    /// When the last messages are written next, if there are new ones.
    keep_at: Option<Instant>,
    away: AwaySignal,
}

/// Why the chat is left.
enum End {
    Quit,
    Stopped,
    /// The terminal has gone.
    Gone(io::Error),
}

/// Runs the chat on the screen. `open` takes over the terminal, after the first room could be joined.
pub(crate) async fn run(
    settings: Settings,
    join: Join,
    open: impl FnOnce() -> Result<FullScreen, Failure>,
    stop: Stop,
) -> Result<Exit, Failure> {
    let Settings { words, theme, room, close_timeout, auth, bell, list, kept_in } = settings;
    let mut rooms = Rooms::new(join);
    let (chat, entries) = rooms.join(&room)?;
    let unsent = Unsent::default();
    unsent.watch(chat);
    stop.say_at_last(unsent.clone().last_word(words, kept_in.as_ref().map(|folder| folder.path().to_owned())));
    let first = shown(room, chat, entries, auth);
    let terminal = open()?;
    let mut model = Model::new(words, theme, local_zone().0, first);
    model.bell = bell;
    let (leaving, listing) = Default::default();
    let away = AwaySignal::new(Instant::now());
    let mut app = App {
        terminal,
        model,
        rooms,
        stop,
        leaving,
        list,
        listing,
        unsent,
        close_timeout,
        auth,
        undelivered: 0,
        kept_in,
        keep_at: None,
        away,
    };
    let end = app.converse().await;
    app.leave(end).await
}

impl App {
    async fn converse(&mut self) -> End {
        loop {
            if let Err(error) = self.paint() {
                return End::Gone(error);
            }
            let counts_down = self.model.counts_down();
            let pause = self.model.rooms.iter().filter_map(|room| room.draft.signal.deadline()).min();
            tokio::select! {
                biased;
                () = self.stop.asked() => return End::Stopped,
                event = self.terminal.next() => match event {
                    Ok(event) => if let Some(end) = self.on_terminal(&event).await { return end },
                    Err(error) => return End::Gone(error),
                },
                (room, event) = self.rooms.next() => {
                    self.on_event(room, event);
                    // A burst is painted once.
                    for _ in 0..BURST {
                        let Some((room, event)) = self.rooms.try_next() else { break };
                        self.on_event(room, event);
                    }
                }
                Some(left) = self.leaving.join_next() => self.undelivered += left.unwrap_or(0),
                Some(Ok(listed)) = self.listing.join_next() => self.show_rooms(listed),
                () = until(pause) => self.on_pause(),
                () = until(self.keep_at) => self.keep(),
                () = until(self.away.deadline()) => {
                    let away = self.away.on_pause(Instant::now());
                    self.tell_presence(away);
                }
                () = sleep(TICK), if counts_down => {}
            }
        }
    }

    fn paint(&mut self) -> io::Result<()> {
        let today = Timestamp::now().to_zoned(self.model.zone.clone()).date();
        let now = Now { instant: Instant::now(), today };
        let chat = self.rooms.chat(self.model.active);
        self.model.room().count_missed(|| chat.unread());
        self.terminal.draw(|frame| paint(frame, &mut self.model, now))?;
        if let Some((room, (first, last))) = self.model.newly_seen() {
            self.rooms.chat(room).mark_shown(&first, &last);
        }
        if self.model.take_ring() {
            self.terminal.ring()?;
        }
        self.load_earlier();
        Ok(())
    }

    /// Loads older messages when the user scrolls up to them.
    fn load_earlier(&mut self) {
        let room = self.model.active;
        let Some(id) = self.model.room().wants_earlier().map(str::to_owned) else { return };
        if self.rooms.chat(room).load_earlier(&id).is_ok() {
            self.model.room().on_page_asked();
        }
    }

    async fn on_terminal(&mut self, event: &Event) -> Option<End> {
        let now = Instant::now();
        // A window may lose the focus or change its size without its user; every other event proves that the user is there.
        if !matches!(event, Event::FocusLost | Event::Resize(..)) {
            let away = self.away.on_input(now);
            self.tell_presence(away);
        }
        let action = match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => Action::Nothing,
            Event::Key(key) => self.model.on_key(*key, now),
            Event::Paste(text) => self.model.on_paste(text, now),
            Event::Mouse(mouse) => {
                self.model.on_mouse(*mouse);
                Action::Nothing
            }
            Event::FocusGained => {
                self.model.focused = true;
                Action::Nothing
            }
            Event::FocusLost => {
                self.model.focused = false;
                Action::Nothing
            }
            Event::Resize(..) => Action::Nothing,
        };
        match action {
            Action::Nothing => {}
            Action::Quit => return Some(End::Quit),
            Action::Interrupt => {
                self.stop.press();
                return Some(End::Stopped);
            }
            Action::Send { room, text } => self.send(room, &text),
            Action::Retry { room, ids } => {
                let chat = self.rooms.chat(room);
                let problem = ids.iter().filter_map(|id| chat.retry(id).err()).fold(None, |_, problem| Some(problem));
                self.tell(problem, &Text::NotNow);
            }
            Action::TakeBack { room, ids } => {
                let chat = self.rooms.chat(room);
                let problem =
                    ids.iter().filter_map(|id| chat.take_back(id).err()).fold(None, |_, problem| Some(problem));
                self.tell(problem, &Text::TooLate);
            }
            Action::Join(name) => self.join(&name),
            Action::ListRooms => drop(self.listing.spawn((self.list)())),
            Action::ReadAll { room } => {
                let latest = self.model.rooms[room].entries.iter().rev().find(|entry| entry.offset.is_some());
                if let Some(latest) = latest {
                    self.rooms.chat(room).mark_read(&latest.id);
                }
            }
            Action::Part { room } => self.part(room),
            Action::Typing { room, is_typing } => self.rooms.chat(room).typing(is_typing),
        }
        None
    }

    /// Tells all rooms that the user is away, or back.
    fn tell_presence(&self, away: Option<bool>) {
        if let Some(away) = away {
            (0..self.rooms.count()).for_each(|room| self.rooms.chat(room).set_away(away));
        }
    }

    fn send(&mut self, room: usize, text: &str) {
        if let Err(error) = self.rooms.chat(room).send(text) {
            // The text is not lost: it can be edited and sent again.
            self.model.rooms[room].draft.put_back(text);
            let in_short = if error == SendError::Full { Text::Full } else { Text::NotNow };
            self.tell(Some(error), &in_short);
        }
    }

    fn tell(&mut self, problem: Option<impl std::error::Error>, in_short: &Text<'_>) {
        if let Some(problem) = problem {
            self.note(&problem.to_string(), in_short);
        }
    }

    fn note(&mut self, problem: &str, in_short: &Text<'_>) {
        self.model.note = Some(in_words(&self.model.words, problem, in_short));
    }

    fn join(&mut self, name: &str) {
        if let Some(room) = self.model.rooms.iter().position(|room| room.name == name) {
            return self.model.go_to(room);
        }
        match self.rooms.join(name) {
            Ok((chat, entries)) => {
                self.unsent.watch(chat);
                self.model.rooms.push(shown(name.to_owned(), chat, entries, self.auth));
                self.model.go_to(self.rooms.count() - 1);
            }
            Err(failure) => {
                self.model.room().draft.put_back(&format!("/join {name}"));
                self.note(&failure.line, &Text::NotNow);
            }
        }
    }

    fn show_rooms(&mut self, listed: Result<RoomList, String>) {
        match listed {
            Ok(list) if list.rooms.is_empty() => self.model.say(&Text::NoRooms),
            Ok(list) => {
                self.model.listed = list.rooms;
                self.model.panel = Some(Panel::Rooms);
            }
            Err(problem) => self.note(&problem, &Text::NoAnswer),
        }
    }

    fn part(&mut self, room: usize) {
        self.keep();
        let chat = self.rooms.part(room);
        self.model.part(room);
        let timeout = self.close_timeout;
        self.leaving.spawn(async move { chat.close(timeout).await.len() });
    }

    fn on_event(&mut self, room: usize, event: ChatEvent) {
        if matches!(event, ChatEvent::Timeline(_)) && self.kept_in.is_some() {
            self.keep_at = self.keep_at.or_else(|| Instant::now().checked_add(KEEPING));
        }
        if !matches!(event, ChatEvent::ReadPosition(_)) {
            // The server reports the read position first; this is another event, so it has reported none.
            self.model.rooms[room].is_opening = false;
        }
        match event {
            ChatEvent::Connection(state) => self.model.on_link(room, Link::of(&state, self.auth)),
            ChatEvent::Timeline(change) => self.model.on_change(room, change),
            ChatEvent::Joined(user) => self.model.on_joined(room, &user),
            ChatEvent::Left(user) => self.model.on_left(room, &user),
            ChatEvent::Named(me) => self.model.rooms[room].me = me,
            ChatEvent::Synced { .. } => {
                self.model.rooms[room].is_opening = true;
                self.model.rooms[room].is_synced = true;
            }
            ChatEvent::ReadPosition(position) => self.model.rooms[room].on_read_position(position),
            ChatEvent::Typing(names) => self.model.rooms[room].typing = names,
            ChatEvent::Earlier { .. } => self.model.rooms[room].loading = false,
            ChatEvent::Missed { count, entries } => {
                self.model.say(&Text::Missed { count });
                self.model.rooms[room].replace(entries);
                self.model.rooms[room].me = self.rooms.chat(room).me();
                let state = self.rooms.chat(room).state();
                self.model.on_link(room, Link::of(&state, self.auth));
                // The event may have been among the missed ones.
                self.model.rooms[room].is_synced = state.is_connected();
            }
            // Events that are newer than this program.
            _ => {}
        }
        self.model.rooms[room].users = self.rooms.chat(room).users();
    }

    /// Keeps the last messages of all rooms for the next start.
    fn keep(&mut self) {
        self.keep_at = None;
        let Some(folder) = &self.kept_in else { return };
        for (at, room) in self.model.rooms.iter().enumerate() {
            if let Err(error) = memory::write(folder, &room.name, self.rooms.chat(at)) {
                tracing::warn!(%error, room = room.name, "the last messages can't be kept");
            }
        }
    }

    fn on_pause(&mut self) {
        let now = Instant::now();
        for (at, room) in self.model.rooms.iter_mut().enumerate() {
            if let Some(is_typing) = room.draft.signal.on_pause(now) {
                self.rooms.chat(at).typing(is_typing);
            }
        }
    }

    /// Flushes every room, while its last state stays on the screen.
    async fn leave(mut self, end: End) -> Result<Exit, Failure> {
        let patience = match &end {
            End::Quit => self.close_timeout,
            End::Stopped | End::Gone(_) => PATIENCE.min(self.close_timeout),
        };
        self.keep();
        let finals: Vec<Link> = self.model.rooms.iter().map(|room| room.link.clone()).collect();
        for room in &mut self.model.rooms {
            room.link = Link::Closing;
        }
        let _ = self.paint();
        while self.rooms.count() > 0 {
            let chat = self.rooms.part(0);
            self.leaving.spawn(async move { chat.close(patience).await.len() });
        }
        loop {
            tokio::select! {
                left = self.leaving.join_next() => match left {
                    Some(left) => self.undelivered += left.unwrap_or(0),
                    None => break,
                },
                // A second Ctrl-C leaves at once.
                Ok(event) = self.terminal.next() => {
                    if matches!(event, Event::Key(key) if is_interrupt(key)) {
                        self.stop.press();
                    }
                }
            }
        }
        let Self { terminal, model, undelivered, kept_in, .. } = self;
        drop(terminal);
        let farewell = match undelivered {
            0 => model.words.say(&Text::Farewell),
            count => {
                let count = count as u64;
                let left = match kept_in {
                    Some(_) => Text::KeptForLater { count },
                    None => Text::Undelivered { count },
                };
                let left = model.words.say(&left);
                format!("{}; {left}", model.words.say(&Text::Farewell))
            }
        };
        judge(&end, &finals, undelivered, farewell, &model.words)
    }
}

fn judge(end: &End, finals: &[Link], undelivered: usize, farewell: String, words: &Words) -> Result<Exit, Failure> {
    for link in finals {
        match link {
            Link::Refused { todo, .. } => {
                let todo = todo.map(|todo| format!("; {}", words.say(&todo))).unwrap_or_default();
                return Err(Failure::new(Exit::Refused, format!("{}{todo}", link.say(words, Instant::now()))));
            }
            Link::GaveUp(_) => return Err(Failure::new(Exit::GaveUp, link.say(words, Instant::now()))),
            _ => {}
        }
    }
    match (end, undelivered) {
        (End::Gone(error), _) => Err(Failure::new(Exit::Failed, format!("the terminal has gone: {error}"))),
        (_, 0) => {
            crate::term::complain(&farewell);
            Ok(Exit::Done)
        }
        _ => Err(Failure::new(Exit::Undelivered, farewell)),
    }
}

/// A room in its present state.
fn shown(name: String, chat: &ChatClient, entries: Vec<Entry>, auth: AuthMethod) -> Room {
    let mut room = Room::new(name, chat.me());
    room.replace(entries);
    room.users = chat.users();
    room.link = Link::of(&chat.state(), auth);
    room
}

fn is_interrupt(key: KeyEvent) -> bool {
    key.kind == KeyEventKind::Press && key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// A problem in the user's language: its own text in English; else its translation if there is one, or `in_short`.
fn in_words(words: &Words, problem: &str, in_short: &Text<'_>) -> String {
    if words.language() == Language::English || Words::knows_reason(problem) {
        return printable_line(&words.reason(problem));
    }
    words.say(in_short)
}

#[cfg(test)]
mod tests {
    use everwire_chat::limits::check_room;
    use everwire_i18n::{Language, Text, Words};

    use super::in_words;

    #[test]
    fn a_problem_is_reported_in_the_user_s_language() {
        let too_long = check_room(&"x".repeat(65)).expect_err("too long");
        let russian = |problem| in_words(&Words::new(Language::Russian), problem, &Text::NotNow);
        assert_eq!(russian(too_long), "название комнаты длиннее 64 символов");
        assert_eq!(russian("the outbox is gone"), "сейчас это отправить нельзя");
        let english = Words::new(Language::English);
        assert_eq!(in_words(&english, "the outbox\u{7} is gone", &Text::NotNow), "the outbox␇ is gone");
    }
}
