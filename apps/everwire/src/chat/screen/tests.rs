//! The chat's screen as a user sees it, and the effects of their keys.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use everwire_chat::rooms::RoomList;
use everwire_chat::wire::{Event, User, parse};
use everwire_chat::{Failure, ReadPosition, Rejection, Status, Timeline};
use everwire_i18n::{Language, Text, Words};
use insta::assert_snapshot;
use jiff::civil::date;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::link::{Link, Reason};
use super::model::{Action, Model, Panel};
use super::paint::{Now, paint};
use super::room::Room;
use super::theme::Theme;
use crate::args::BellArg;

/// 2026-11-23, 12:00 UTC, in milliseconds.
const NOON: i64 = 1_795_435_200_000;
const MINUTE: i64 = 60_000;

/// One user's screen, and the timeline of the room that it shows.
struct TestScreen {
    model: Model,
    timeline: Timeline,
    start: Instant,
    sent: u32,
}

impl TestScreen {
    fn new(language: Language, theme: Theme) -> Self {
        let mut model = Model::new(Words::new(language), theme, TimeZone::UTC, room("lobby"));
        model.on_link(0, Link::Connected);
        Self { model, timeline: Timeline::default(), start: Instant::now(), sent: 0 }
    }

    fn plain() -> Self {
        Self::new(Language::English, Theme::PLAIN)
    }

    /// A message of `name`; ours is on its way then.
    fn said(&mut self, name: &str, text: &str, at: i64) -> String {
        self.sent += 1;
        let id = self.sent.to_string();
        let json = serde_json::json!({
            "type": "text", "id": id, "userId": name, "userName": name, "text": text, "timestamp": at,
            "offset": if name == "Ana" { None } else { Some(self.sent) },
        });
        let Some(Event::Text(message)) = parse(&json.to_string()).events.pop() else { panic!("no text") };
        let changes = if name == "Ana" { self.timeline.echo(message) } else { self.timeline.on_text(message, false) };
        changes.into_iter().for_each(|change| self.model.on_change(0, change));
        id
    }

    fn advance(&mut self, id: &str, status: Status) {
        self.timeline.advance(id, status).into_iter().for_each(|change| self.model.on_change(0, change));
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Action {
        self.model.on_key(KeyEvent::new(code, modifiers), self.start)
    }

    fn press(&mut self, code: KeyCode) -> Action {
        self.key(code, KeyModifiers::NONE)
    }

    fn write(&mut self, text: &str) {
        text.chars().for_each(|c| drop(self.press(KeyCode::Char(c))));
    }

    fn enter(&mut self, text: &str) -> Action {
        self.write(text);
        self.press(KeyCode::Enter)
    }

    fn screen(&mut self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let now = Now { instant: self.start, today: date(2026, 11, 23) };
        terminal.draw(|frame| paint(frame, &mut self.model, now)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }
}

fn room(name: &str) -> Room {
    Room::new(name.into(), user("Ana"))
}

fn user(name: &str) -> User {
    User::new(name, name)
}

/// A conversation with everything in it.
fn conversation(language: Language) -> TestScreen {
    let mut desk = TestScreen::new(language, Theme::PLAIN);
    desk.model.rooms[0].users = vec![user("Ben"), user("Eve")];
    desk.said("Ben", "see you tomorrow", NOON - 24 * 60 * MINUTE);
    desk.said("Ben", "good morning", NOON);
    desk.said("Ben", "is the build green? It was not yesterday, and nobody has looked since", NOON + MINUTE);
    for (text, status) in [
        ("yes", Status::Read),
        ("since ten", Status::Delivered),
        ("two\nlines", Status::Sent),
        ("one more", Status::Sending),
        ("too much", Status::Failed(Failure::Dropped)),
    ] {
        let id = desk.said("Ana", text, NOON + 2 * MINUTE);
        desk.advance(&id, status);
    }
    desk.model.on_joined(0, &user("Joe"));
    desk.model.rooms[0].typing = vec!["Eve".into()];
    desk
}

#[test]
fn a_conversation_with_every_status() {
    assert_snapshot!(conversation(Language::English).screen(60, 26));
}

#[test]
fn a_conversation_in_russian_on_a_narrow_terminal() {
    assert_snapshot!(conversation(Language::Russian).screen(36, 40));
}

#[test]
fn on_a_tiny_screen_cut_text_ends_in_an_ellipsis() {
    let mut desk = TestScreen::new(Language::Russian, Theme::PLAIN);
    let screen = desk.screen(20, 5);
    assert!(screen.contains("›  Напишите сообщен…"), "{screen}");
    desk.model.on_link(0, Link::Closing);
    let screen = desk.screen(20, 5);
    assert!(screen.contains("● выходим… Ctrl+C…"), "{screen}");
    assert!(desk.screen(1, 1).chars().filter(|c| *c != '\n').count() <= 1);
}

#[test]
fn a_refusal_is_explained_by_its_code_in_the_user_s_language_only() {
    let refused = |code: Option<&str>| {
        let mut desk = TestScreen::new(Language::Russian, Theme::PLAIN);
        let id = desk.said("Ana", "mine", NOON);
        let rejection = Rejection::new(code.map(str::to_owned), "as the server says");
        desk.advance(&id, Status::Failed(Failure::Rejected(rejection)));
        desk.screen(100, 10)
    };
    let known = refused(Some("id_taken"));
    assert!(
        known.contains("этот идентификатор уже занят другим сообщением") && !known.contains("as the server says"),
        "{known}"
    );
    for other in [None, Some("of_a_later_version")] {
        assert!(refused(other).contains("сервер отказал (причина неизвестна)"), "{other:?}");
    }
}

#[test]
fn missed_events_end_typing_and_loading() {
    let mut desk = conversation(Language::English);
    let room = &mut desk.model.rooms[0];
    room.loading = true;
    room.replace(room.entries.clone());
    assert!(room.typing.is_empty() && !room.loading);
    assert!(!desk.screen(60, 26).contains("typing"));
}

#[test]
fn a_terminal_of_any_size_is_painted() {
    let mut desk = conversation(Language::English);
    desk.model.rooms.push(room("garden"));
    for panel in [None, Some(Panel::Help), Some(Panel::Who)] {
        desk.model.panel = panel;
        for (width, height) in [(1, 1), (2, 3), (5, 2), (10, 5), (300, 3), (3, 100)] {
            desk.screen(width, height);
        }
    }
}

#[test]
fn offline_the_queued_messages_and_the_countdown_are_shown() {
    let mut desk = TestScreen::plain();
    desk.said("Ana", "wait for me", NOON);
    desk.model.on_link(0, Link::Offline { retry_at: desk.start + Duration::from_millis(2_500) });
    let screen = desk.screen(60, 6);
    assert!(screen.starts_with(" ● offline, next attempt in 3 s · 1 message waits"), "{screen}");
    assert!(screen.contains("wait for me  12:00 ◷"), "{screen}");
    assert!(desk.model.counts_down());
}

#[test]
fn a_message_is_sent_by_enter_and_lines_are_broken_by_alt_enter() {
    let mut desk = TestScreen::plain();
    assert_eq!(desk.press(KeyCode::Enter), Action::Nothing, "there is nothing to send");
    assert_eq!(desk.press(KeyCode::Char('a')), Action::Typing { room: 0, is_typing: true });
    desk.key(KeyCode::Enter, KeyModifiers::ALT);
    assert_eq!(desk.enter("b"), Action::Send { room: 0, text: "a\nb".into() });
    assert_eq!(desk.press(KeyCode::Enter), Action::Nothing, "it was sent once");
}

#[test]
fn an_unknown_command_is_reported_and_stays_to_be_corrected() {
    let mut desk = TestScreen::plain();
    assert_eq!(desk.enter("/dance"), Action::Nothing);
    let screen = desk.screen(60, 6);
    assert!(screen.contains("there is no /dance; /help lists the commands") && screen.contains("› /dance"), "{screen}");
    desk.press(KeyCode::End);
    assert_eq!(desk.enter("/retry"), Action::Nothing, "it is the rest of the same line");
    assert_eq!(desk.enter("/quit"), Action::Quit, "what is typed next takes its place");
}

#[test]
fn a_failed_message_is_chosen_and_sent_again_or_taken_back() {
    let mut desk = TestScreen::plain();
    let id = desk.said("Ana", "hello", NOON);
    desk.advance(&id, Status::Failed(Failure::Unknown));
    desk.said("Ben", "later", NOON);
    desk.write("draft");
    desk.key(KeyCode::Up, KeyModifiers::ALT);
    let screen = desk.screen(60, 12);
    assert!(screen.contains("▶ hello  12:00 ✗"), "{screen}");
    assert!(screen.contains("r send again · x delete"), "{screen}");
    assert_eq!(desk.press(KeyCode::Char('r')), Action::Retry { room: 0, ids: vec![id.clone()] });
    assert_eq!(desk.model.room().draft.text(), "draft", "the letter was a command");
    desk.key(KeyCode::Up, KeyModifiers::ALT);
    assert_eq!(desk.press(KeyCode::Char('x')), Action::TakeBack { room: 0, ids: vec![id.clone()] });
    assert_eq!(desk.press(KeyCode::Char('x')), Action::Nothing, "nothing is chosen any more: a letter like any other");
    assert_eq!(desk.model.room().draft.text(), "draftx");
    desk.advance(&id, Status::Sent);
    desk.key(KeyCode::Up, KeyModifiers::ALT);
    assert_eq!(desk.model.room().chosen, None, "nothing is left to choose");
}

#[test]
fn unseen_messages_are_below_a_line_with_their_number() {
    let mut desk = TestScreen::plain();
    desk.said("Ben", "seen", NOON);
    desk.model.focused = false;
    desk.said("Ben", "one", NOON);
    desk.said("Ben", "two", NOON);
    desk.model.focused = true;
    let screen = desk.screen(40, 12);
    let lines: Vec<&str> = screen.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.contains("2 new messages")).expect("a line");
    assert!(lines[at - 1].contains("seen") && lines[at + 2].contains("one"), "{screen}");
    assert_eq!(desk.enter("hello"), Action::Send { room: 0, text: "hello".into() });
    assert!(!desk.screen(40, 12).contains("new message"), "who writes has seen");
}

#[test]
fn only_messages_that_were_seen_are_reported_as_read_and_once() {
    let mut desk = TestScreen::plain();
    assert_eq!(desk.model.newly_seen(), None, "there is nothing to see");
    let first = desk.said("Ben", "one", NOON);
    assert_eq!(desk.model.newly_seen(), Some((0, (first.clone(), first.clone()))));
    assert_eq!(desk.model.newly_seen(), None);
    desk.model.focused = false;
    let second = desk.said("Ben", "two", NOON);
    assert_eq!(desk.model.newly_seen(), None, "nobody looks at the terminal");
    desk.model.focused = true;
    desk.said("Ana", "mine", NOON);
    assert_eq!(desk.model.newly_seen(), Some((0, (first, second))));
    (0..30).for_each(|n| drop(desk.said("Ben", &format!("message {n}"), NOON)));
    desk.screen(40, 12);
    desk.press(KeyCode::PageUp);
    let screen = desk.screen(40, 12);
    let (_, (_, seen)) = desk.model.newly_seen().expect("the last that is shown");
    let text = |id: &str| desk.timeline.get(id).map(|entry| entry.text.clone()).expect("a message");
    let next = (seen.parse::<u32>().expect("a number") + 1).to_string();
    assert!(screen.contains(&text(&seen)) && !screen.contains(&text(&next)), "{screen}");
    assert_eq!(desk.model.newly_seen(), None, "what is below was not on the screen");
}

#[test]
fn messages_scrolled_past_are_seen_and_those_jumped_over_are_not() {
    let mut desk = TestScreen::plain();
    (0..60).for_each(|n| drop(desk.said("Ben", &format!("message {n}"), NOON)));
    desk.screen(40, 12);
    let number = |id: &str| id.parse::<u64>().expect("a number");
    let (_, (newest, _)) = desk.model.newly_seen().expect("the newest");
    desk.press(KeyCode::PageUp);
    desk.screen(40, 12);
    let (_, (first, last)) = desk.model.newly_seen().expect("those above");
    assert!(number(&first) < number(&newest) && number(&last) >= number(&newest) - 1, "{first} to {last}, {newest}");
    desk.key(KeyCode::Home, KeyModifiers::CONTROL);
    desk.screen(40, 12);
    let (_, (first, last)) = desk.model.newly_seen().expect("the oldest");
    assert!(first == "1" && number(&last) < 15, "{first} to {last}");
    desk.press(KeyCode::PageDown);
    desk.screen(40, 12);
    let (_, (first, further)) = desk.model.newly_seen().expect("those below");
    assert!(number(&first) <= number(&last) && number(&further) > number(&last), "{first} to {further}");
}

#[test]
fn the_bell_rings_as_set_and_not_for_visible_messages() {
    for (bell, rings) in
        [(BellArg::Never, [false, false]), (BellArg::Mentions, [false, true]), (BellArg::Lines, [true, true])]
    {
        let mut desk = TestScreen::plain();
        desk.model.bell = bell;
        desk.said("Ben", "@Ana: do you see it?", NOON);
        assert!(!desk.model.take_ring(), "she looks");
        desk.model.focused = false;
        for (line, rings) in ["anybody here?", "@ana!"].into_iter().zip(rings) {
            desk.said("Ben", line, NOON);
            assert_eq!(desk.model.take_ring(), rings, "{bell:?}: {line}");
            assert!(!desk.model.take_ring(), "once");
        }
        desk.said("Ana", "@Ana: from another device", NOON);
        assert!(!desk.model.take_ring(), "her own");
    }
}

#[test]
fn advice_on_a_refusal_fits_a_narrow_terminal() {
    let mut desk = TestScreen::new(Language::Russian, Theme::PLAIN);
    let link = Link::Refused { reason: Reason::Known(Text::ReasonMembersOnly), todo: Some(Text::TodoRoom) };
    desk.model.on_link(0, link);
    let screen = desk.screen(40, 16);
    let words: Vec<&str> = screen.split_whitespace().collect();
    let todo = "Выберите другую комнату (--room) или попросите администратора сервера впустить вас";
    assert!(words.join(" ").contains(todo), "{screen}");
    assert!(!screen.chars().any(|letter| letter.is_ascii_alphabetic() && !"room".contains(letter)), "{screen}");
}

#[test]
fn an_unknown_number_of_users_is_not_shown_as_none() {
    let mut desk = TestScreen::plain();
    desk.press(KeyCode::F(2));
    let nobody = |desk: &mut TestScreen| desk.screen(60, 12).matches("nobody else").count();
    assert_eq!(nobody(&mut desk), 0);
    desk.model.rooms[0].is_synced = true;
    assert_eq!(nobody(&mut desk), 2);
    desk.model.on_link(0, Link::Closed);
    assert_eq!(nobody(&mut desk), 0);
}

#[test]
fn the_rooms_of_the_server_are_listed() {
    let mut desk = TestScreen::plain();
    assert_eq!(desk.enter("/rooms"), Action::ListRooms);
    let list = r#"{"rooms":[{"room":"den","here":2},{"room":"board","here":0,"closed":true}]}"#;
    desk.model.listed = RoomList::from_json(list).expect("a list").rooms;
    desk.model.panel = Some(Panel::Rooms);
    let screen = desk.screen(40, 12);
    assert!(screen.contains("den  2 here") && screen.contains("board  for members"), "{screen}");
}

#[test]
fn a_user_who_reads_above_stays_there_and_sees_the_number_of_new_messages() {
    let mut desk = TestScreen::plain();
    (0..30).for_each(|n| drop(desk.said("Ben", &format!("message {n}"), NOON)));
    desk.screen(40, 12);
    desk.press(KeyCode::PageUp);
    let before = desk.screen(40, 12);
    assert!(!before.contains("message 29") && before.contains("to the newest"), "{before}");
    desk.said("Ben", "news", NOON);
    let after = desk.screen(40, 12);
    assert!(after.contains("1 new message") && !after.contains("news"), "{after}");
    let newest = desk.model.places.newest.expect("can be clicked");
    let kind = MouseEventKind::Down(MouseButton::Left);
    desk.model.on_mouse(MouseEvent { kind, column: newest.x, row: newest.y, modifiers: KeyModifiers::NONE });
    assert!(desk.screen(40, 12).contains("news"));
    let kind = MouseEventKind::ScrollUp;
    desk.model.on_mouse(MouseEvent { kind, column: 3, row: 3, modifiers: KeyModifiers::NONE });
    assert!(!desk.screen(40, 12).contains("news"));
    desk.key(KeyCode::End, KeyModifiers::CONTROL);
    assert!(desk.screen(40, 12).contains("news"));
}

#[test]
fn tabs_show_the_unread_messages_of_each_room() {
    let mut desk = TestScreen::plain();
    desk.model.rooms.push(room("garden"));
    desk.model.go_to(1);
    desk.said("Ben", "psst", NOON);
    let screen = desk.screen(40, 8);
    assert!(screen.contains(" 1 lobby (1)  2 garden"), "{screen}");
    let tab = desk.model.places.tabs[0];
    let kind = MouseEventKind::Down(MouseButton::Left);
    desk.model.on_mouse(MouseEvent { kind, column: tab.x + 1, row: tab.y, modifiers: KeyModifiers::NONE });
    assert!(desk.screen(40, 8).contains("psst"));
    desk.key(KeyCode::Char('n'), KeyModifiers::CONTROL);
    assert_eq!(desk.model.active, 1);
    desk.key(KeyCode::Char('1'), KeyModifiers::ALT);
    assert_eq!(desk.model.active, 0);
    assert_eq!(desk.enter("/join den"), Action::Join("den".into()));
    assert_eq!(desk.enter("/part"), Action::Part { room: 0 });
    desk.model.part(0);
    assert_eq!(desk.enter("/part"), Action::Nothing, "the last room is left by leaving the chat");
    assert!(desk.screen(60, 8).contains("your only room"));
}

#[test]
fn control_characters_of_others_are_shown_as_symbols() {
    let mut desk = TestScreen::plain();
    desk.said("Eve\u{1b}[2J", "\u{1b}]0;pwned\u{7} \u{202e}gnp.exe\u{9b}31m", NOON);
    let screen = desk.screen(60, 10);
    assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{screen:?}");
    assert!(screen.contains("Eve␛[2J") && screen.contains("␛]0;pwned␇ \u{fffd}gnp.exe\u{fffd}31m"), "{screen}");
}

#[test]
fn help_and_who_is_here_open_and_close() {
    let mut desk = conversation(Language::English);
    desk.press(KeyCode::F(1));
    assert_snapshot!(desk.screen(80, 24));
    desk.press(KeyCode::Esc);
    desk.model.rooms[0].users[1].away = true;
    desk.enter("/who");
    let screen = desk.screen(40, 14);
    assert!(screen.contains("Ana (you)") && screen.contains("Ben ") && screen.contains("Eve (away)"), "{screen}");
    desk.press(KeyCode::F(2));
    assert_eq!(desk.model.panel, None);
}

#[test]
fn the_help_fits_on_a_small_terminal_in_each_language() {
    for language in [Language::English, Language::Russian] {
        let mut desk = TestScreen::new(language, Theme::PLAIN);
        desk.press(KeyCode::F(1));
        let screen = desk.screen(60, 18);
        let words = Words::new(language);
        for text in [Text::HelpKeys, Text::HelpCommands] {
            for line in words.say(&text).lines() {
                assert!(screen.contains(line), "{line:?} is not to be seen whole:\n{screen}");
            }
        }
    }
}

#[test]
fn tab_completes_the_names_of_present_users_and_authors() {
    let mut desk = TestScreen::plain();
    desk.said("Benjamin", "I was here", NOON);
    desk.model.rooms[0].users = vec![user("Bea"), user("Eve")];
    desk.write("hi @be");
    for name in ["@Bea ", "@Benjamin ", "@Bea "] {
        desk.press(KeyCode::Tab);
        assert_eq!(desk.model.room().draft.text(), format!("hi {name}"));
    }
    desk.press(KeyCode::BackTab);
    assert_eq!(desk.enter("!"), Action::Send { room: 0, text: "hi @Benjamin !".into() });
    desk.press(KeyCode::Tab);
    assert_eq!(desk.model.room().draft.text(), "", "there is nothing to complete");
}

#[test]
fn a_mention_is_marked_at_the_message_and_at_the_room() {
    let mut desk = TestScreen::plain();
    desk.model.rooms.push(room("garden"));
    desk.model.go_to(1);
    desk.said("Ben", "good morning", NOON);
    assert!(desk.screen(40, 8).contains(" 1 lobby (1)  2 garden"));
    desk.said("Ben", "what do you think, @ana?", NOON);
    assert!(desk.screen(40, 8).contains(" 1 lobby (2 @)  2 garden"));
    desk.model.go_to(0);
    let screen = desk.screen(50, 12);
    let marked: Vec<&str> = screen.lines().filter(|line| line.starts_with('@')).collect();
    assert!(matches!(marked[..], [line] if line.contains("what do you think")), "{screen}");
}

/// The server tells how far our user has read, as it does when a connection is new.
fn told(desk: &mut TestScreen, offset: u64, unread: usize) {
    let mut position = ReadPosition::default();
    (position.offset, position.unread) = (offset, unread);
    desk.model.rooms[0].is_opening = true;
    desk.model.rooms[0].on_read_position(position);
}

#[test]
fn missed_messages_are_shown_from_the_first_and_read_only_as_far_as_shown() {
    let mut desk = TestScreen::plain();
    (0..5).for_each(|n| drop(desk.said("Ben", &format!("known {n}"), NOON)));
    told(&mut desk, 5, 30);
    desk.screen(40, 12);
    assert_eq!(desk.model.newly_seen(), None, "what was missed is not here yet");
    (0..30).for_each(|n| drop(desk.said("Ben", &format!("missed {n}."), NOON)));
    let screen = desk.screen(40, 12);
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[1].contains("30 new messages") && screen.contains("missed 0."), "{screen}");
    let (_, (_, seen)) = desk.model.newly_seen().expect("some of it is on the screen");
    let seen: u64 = seen.parse().expect("a number");
    assert!((6..20).contains(&seen) && !screen.contains("missed 29."), "{seen} {screen}");
    assert!(screen.contains(&format!("{} new messages", 35 - seen)), "what is below is counted: {screen}");
    desk.key(KeyCode::End, KeyModifiers::CONTROL);
    assert!(desk.screen(40, 12).contains("missed 29."));
    let (_, (first, last)) = desk.model.newly_seen().expect("the newest are on the screen");
    assert_eq!(last, "35");
    assert!(first.parse::<u64>().expect("a number") > seen + 1, "what was jumped over was not seen: {first}");
}

#[test]
fn scrolling_while_missed_messages_load_keeps_the_position() {
    let mut desk = TestScreen::plain();
    (0..30).for_each(|n| drop(desk.said("Ben", &format!("known {n}."), NOON)));
    told(&mut desk, 30, 2);
    desk.screen(40, 12);
    desk.press(KeyCode::PageUp);
    let before = desk.screen(40, 12);
    desk.said("Ben", "missed 1", NOON);
    desk.said("Ben", "missed 2", NOON);
    assert!(!before.contains("known 29.") && !desk.screen(40, 12).contains("missed"), "{before}");
}

#[test]
fn messages_removed_from_the_history_are_not_waited_for() {
    let mut desk = TestScreen::plain();
    told(&mut desk, 0, 3);
    (0..2).for_each(|n| drop(desk.said("Ben", &format!("missed {n}."), NOON)));
    desk.screen(40, 12);
    assert_eq!(desk.model.newly_seen(), None, "one more is to come");
    desk.model.rooms[0].count_missed(|| 2);
    assert!(desk.screen(40, 12).contains("2 new messages"));
    assert_eq!(desk.model.newly_seen().map(|(_, (_, id))| id), Some("2".to_owned()));
    told(&mut desk, 2, 1);
    desk.model.rooms[0].count_missed(|| 0);
    desk.screen(40, 12);
    desk.said("Ben", "live", NOON);
    assert_eq!(desk.model.newly_seen().map(|(_, (_, id))| id), Some("3".to_owned()), "all was read elsewhere");
}

#[test]
fn messages_read_on_another_device_are_not_unread() {
    let mut desk = TestScreen::plain();
    desk.model.rooms.push(room("garden"));
    desk.model.go_to(1);
    (0..3).for_each(|n| drop(desk.said("Ben", &format!("message {n}"), NOON)));
    assert!(desk.screen(40, 8).contains("1 lobby (3)"));
    let mut position = ReadPosition::default();
    position.offset = 2;
    desk.model.rooms[0].on_read_position(position);
    assert!(desk.screen(40, 8).contains("1 lobby (1)"));
    position.offset = 3;
    desk.model.rooms[0].on_read_position(position);
    assert!(desk.screen(40, 8).contains("1 lobby  2 garden"));
}

#[test]
fn keys_and_commands_leave_the_chat() {
    let mut desk = TestScreen::plain();
    assert_eq!(desk.key(KeyCode::Char('c'), KeyModifiers::CONTROL), Action::Interrupt);
    assert_eq!(desk.key(KeyCode::Char('d'), KeyModifiers::CONTROL), Action::Quit);
    desk.write("x");
    assert_ne!(desk.key(KeyCode::Char('d'), KeyModifiers::CONTROL), Action::Quit, "something is written");
    desk.press(KeyCode::Backspace);
    assert_eq!(desk.enter("/quit"), Action::Quit);
}
