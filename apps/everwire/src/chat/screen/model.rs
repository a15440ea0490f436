//! Everything that the screen shows, and what each key asks for. Uses no terminal and no network.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use everwire_chat::rooms::ListedRoom;
use everwire_chat::{Change, User};
use everwire_i18n::{Text, Words};
use jiff::tz::TimeZone;
use ratatui::layout::{Position, Rect};

use super::link::Link;
use super::room::Room;
use super::theme::Theme;
use crate::args::BellArg;
use crate::chat::command::Command;
use crate::chat::short_name;

/// Lines that one turn of the mouse wheel scrolls.
const WHEEL: isize = 3;

pub(super) struct Model {
    pub(super) words: Words,
    pub(super) theme: Theme,
    pub(super) zone: TimeZone,
    pub(super) rooms: Vec<Room>,
    /// The index of the room that is shown; there is always one.
    pub(super) active: usize,
    pub(super) panel: Option<Panel>,
    /// The server's last list of rooms.
    pub(super) listed: Vec<ListedRoom>,
    /// A note to the user, until the next key.
    pub(super) note: Option<String>,
    /// What the terminal's bell rings for.
    pub(super) bell: BellArg,
    /// Whether the bell has to ring.
    rings: bool,
    /// Whether the terminal's window has the focus, as far as the terminal reports it.
    pub(super) focused: bool,
    /// Where the things that can be clicked were painted last.
    pub(super) places: Places,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Help,
    Who,
    /// The rooms that the server lists.
    Rooms,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) list: Rect,
    pub(super) tabs: Vec<Rect>,
    pub(super) newest: Option<Rect>,
    /// Lines to scroll up when the screen is painted next; negative: down.
    pub(super) up: isize,
}

/// What a key asks the caller to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Quit,
    /// Ctrl-C.
    Interrupt,
    Send {
        room: usize,
        text: String,
    },
    Retry {
        room: usize,
        ids: Vec<String>,
    },
    TakeBack {
        room: usize,
        ids: Vec<String>,
    },
    Join(String),
    /// Ask the server which rooms it lists.
    ListRooms,
    /// Mark everything in a room as read.
    ReadAll {
        room: usize,
    },
    Part {
        room: usize,
    },
    Typing {
        room: usize,
        is_typing: bool,
    },
}

impl Model {
    pub(super) fn new(words: Words, theme: Theme, zone: TimeZone, room: Room) -> Self {
        Self {
            words,
            theme,
            zone,
            rooms: vec![room],
            active: 0,
            panel: None,
            listed: Vec::new(),
            note: None,
            bell: BellArg::Mentions,
            rings: false,
            focused: true,
            places: Places::default(),
        }
    }

    pub(super) fn room(&mut self) -> &mut Room {
        let at = self.active.min(self.rooms.len().saturating_sub(1));
        &mut self.rooms[at]
    }

    /// Whether a new message in a room is seen at once.
    fn is_seen(&self, room: usize) -> bool {
        room == self.active && self.focused && self.rooms[room].scroll.is_newest()
    }

    /// The room, and the first and the last message that the user has newly seen in it; each is returned once.
    pub(super) fn newly_seen(&mut self) -> Option<(usize, (String, String))> {
        let room = self.active;
        if !self.focused {
            return None;
        }
        let seen = self.rooms[room].newly_seen()?;
        Some((room, seen))
    }

    pub(super) fn on_change(&mut self, room: usize, change: Change) {
        let seen = self.is_seen(room);
        if let Change::Added { entry, .. } = &change {
            let is_news = !entry.own && !seen;
            self.rings |= match self.bell {
                BellArg::Never => false,
                BellArg::Mentions => is_news && self.rooms[room].is_mentioned(entry),
                BellArg::Lines => is_news,
            };
        }
        self.rooms[room].on_change(change, seen);
    }

    /// Whether the bell has to ring; once for each reason.
    pub(super) fn take_ring(&mut self) -> bool {
        std::mem::take(&mut self.rings)
    }

    pub(super) fn on_joined(&mut self, room: usize, user: &User) {
        let text = self.words.say(&Text::Joined { name: &short_name(&user.user_name) });
        self.rooms[room].notice(text);
    }

    pub(super) fn on_left(&mut self, room: usize, user: &User) {
        let text = self.words.say(&Text::Left { name: &short_name(&user.user_name) });
        self.rooms[room].notice(text);
    }

    /// Shows another room. In the one that was shown, everything counts as seen if its newest message was visible.
    pub(super) fn go_to(&mut self, room: usize) {
        if room < self.rooms.len() && room != self.active {
            if self.room().scroll.is_newest() {
                self.room().forget_unread();
            }
            self.active = room;
        }
    }

    pub(super) fn say(&mut self, text: &Text<'_>) {
        self.note = Some(self.words.say(text));
    }

    /// Whether something on the screen changes with time alone.
    pub(super) fn counts_down(&self) -> bool {
        self.rooms.get(self.active).is_some_and(|room| room.link.counts_down())
    }

    pub(super) fn on_key(&mut self, key: KeyEvent, now: Instant) -> Action {
        self.note = None;
        let (control, alt) = (key.modifiers.contains(KeyModifiers::CONTROL), key.modifiers.contains(KeyModifiers::ALT));
        match key.code {
            KeyCode::Char('c') if control => return Action::Interrupt,
            KeyCode::Char('d') if control && self.room().draft.is_blank() => return Action::Quit,
            KeyCode::F(1) => self.toggle(Panel::Help),
            KeyCode::F(2) => self.toggle(Panel::Who),
            KeyCode::Esc if self.panel.is_some() => self.panel = None,
            KeyCode::Esc if self.room().chosen.is_some() => self.room().chosen = None,
            KeyCode::PageUp => self.scroll(self.page()),
            KeyCode::PageDown => self.scroll(-self.page()),
            KeyCode::Home if control => {
                self.room().jump();
                self.scroll(isize::MAX / 2);
            }
            KeyCode::End if control => self.show_newest(),
            KeyCode::Up if alt => self.room().choose(true),
            KeyCode::Down if alt => self.room().choose(false),
            KeyCode::Char('n') if control => self.go_to((self.active + 1) % self.rooms.len()),
            KeyCode::Char('p') if control => self.go_to((self.active + self.rooms.len() - 1) % self.rooms.len()),
            KeyCode::Char(digit @ '1'..='9') if alt => self.go_to(digit as usize - '1' as usize),
            KeyCode::Char(letter @ ('r' | 'x')) if self.room().chosen.is_some() && !control && !alt => {
                return self.on_chosen(letter);
            }
            KeyCode::Enter if key.modifiers.is_empty() => return self.on_enter(),
            KeyCode::Tab | KeyCode::BackTab => return self.complete(key.code == KeyCode::BackTab, now),
            _ => {
                let room = self.active;
                self.room().chosen = None;
                return typing_action(room, self.rooms[room].draft.on_key(key, now));
            }
        }
        Action::Nothing
    }

    pub(super) fn on_paste(&mut self, text: &str, now: Instant) -> Action {
        let room = self.active;
        typing_action(room, self.room().draft.on_paste(text, now))
    }

    pub(super) fn on_mouse(&mut self, mouse: MouseEvent) {
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollUp if self.places.list.contains(at) => self.scroll(WHEEL),
            MouseEventKind::ScrollDown if self.places.list.contains(at) => self.scroll(-WHEEL),
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(room) = self.places.tabs.iter().position(|tab| tab.contains(at)) {
                    self.go_to(room);
                } else if self.places.newest.is_some_and(|newest| newest.contains(at)) {
                    self.show_newest();
                }
            }
            _ => {}
        }
    }

    fn on_enter(&mut self) -> Action {
        let room = self.active;
        let text = self.room().draft.text();
        let action = match Command::of(&text) {
            Command::Nothing => return Action::Nothing,
            Command::Say(text) => {
                self.room().draft.signal.on_sent();
                self.room().forget_unread();
                self.show_newest();
                Action::Send { room, text }
            }
            Command::Retry => {
                let ids: Vec<String> = self.room().failed().map(|entry| entry.id.clone()).collect();
                if ids.is_empty() {
                    self.say(&Text::NothingFailed);
                }
                Action::Retry { room, ids }
            }
            Command::Cancel => {
                let ids: Vec<String> = self.room().sending().map(|entry| entry.id.clone()).collect();
                if ids.is_empty() {
                    self.say(&Text::NothingWaiting);
                }
                Action::TakeBack { room, ids }
            }
            Command::Join(name) => Action::Join(name),
            Command::JoinWhere => {
                self.say(&Text::RoomWanted);
                Action::Nothing
            }
            Command::Part if self.rooms.len() == 1 => {
                self.say(&Text::LastRoom);
                Action::Nothing
            }
            Command::Part => Action::Part { room },
            Command::Rooms => Action::ListRooms,
            Command::Read => Action::ReadAll { room },
            Command::Who => {
                self.toggle(Panel::Who);
                Action::Nothing
            }
            Command::Help => {
                self.toggle(Panel::Help);
                Action::Nothing
            }
            Command::Quit => Action::Quit,
            Command::Unknown(command) => {
                let command = crate::term::printable_line(&command);
                self.say(&Text::UnknownCommand { command: &command });
                // It stays, to be corrected, or to be replaced by what is typed next.
                self.room().draft.select_all();
                return Action::Nothing;
            }
        };
        self.rooms[room].draft.take();
        action
    }

    /// Completes a name of a user who is present or has written a message.
    fn complete(&mut self, backwards: bool, now: Instant) -> Action {
        let at = self.active;
        let Room { draft, users, entries, me, .. } = self.room();
        let here = users.iter().map(|user| user.user_name.as_str());
        let others = entries.iter().filter(|entry| !entry.own && entry.user_id != me.user_id);
        let names: Vec<&str> = here.chain(others.map(|entry| entry.user_name.as_str())).collect();
        typing_action(at, draft.complete(&names, backwards, now))
    }

    fn on_chosen(&mut self, letter: char) -> Action {
        let room = self.active;
        let ids: Vec<String> = self.room().chosen.take().into_iter().collect();
        match letter {
            'r' => Action::Retry { room, ids },
            _ => Action::TakeBack { room, ids },
        }
    }

    /// Removes a room that was left; at least one other remains.
    pub(super) fn part(&mut self, room: usize) {
        self.rooms.remove(room);
        if self.active >= room {
            self.active = self.active.saturating_sub(1);
        }
    }

    /// Scrolls up by this many lines, and stops looking for the first unread message.
    fn scroll(&mut self, up: isize) {
        self.room().stop_opening();
        self.places.up = self.places.up.saturating_add(up);
    }

    fn show_newest(&mut self) {
        self.places.up = 0;
        self.room().stop_opening();
        if !self.room().scroll.is_newest() {
            self.room().jump();
        }
        self.room().scroll = super::scroll::Scroll::Newest;
    }

    fn toggle(&mut self, panel: Panel) {
        self.panel = if self.panel == Some(panel) { None } else { Some(panel) };
    }

    fn page(&self) -> isize {
        isize::try_from(self.places.list.height).unwrap_or(1).saturating_sub(2).max(1)
    }

    pub(super) fn on_link(&mut self, room: usize, link: Link) {
        if !link.is_connected() {
            self.rooms[room].typing.clear();
            self.rooms[room].is_synced = false;
            self.rooms[room].loading = false;
        }
        self.rooms[room].link = link;
    }
}

fn typing_action(room: usize, is_typing: Option<bool>) -> Action {
    is_typing.map_or(Action::Nothing, |is_typing| Action::Typing { room, is_typing })
}
