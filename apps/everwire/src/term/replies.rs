//! A terminal's late answers. It is asked for its colours and its kind when the program starts, and over a slow line it answers when
//! nobody waits any more: such an answer comes as keys. Here it is told from what somebody types, and dropped.
//!
//! An answer begins with Esc and `]` (OSC) or `[?` (device attributes). Where the bytes of an answer are read together, Esc and
//! the next one come as one key with Alt; where a read ends behind Esc, as two.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What may be the beginning of an answer is held back so long: the keys `]` and digits behind Esc, or Alt+`]` and digits.
const HELD: Duration = Duration::from_millis(500);

/// An answer whose end does not come in this time has none: what somebody types then counts again.
const UNFINISHED: Duration = Duration::from_secs(5);

/// Characters of an answer; a longer one is none.
const LONGEST: usize = 256;

/// Tells answers from keys. Knows no clock.
#[derive(Debug, Default)]
pub(super) struct Replies {
    at: At,
    /// Keys that may yet turn out to be an answer's.
    held: Vec<Event>,
    ready: VecDeque<Event>,
    /// When what is under way is given up.
    until: Option<Instant>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Nothing,
    /// Esc, which has been let through: alone it is a key that somebody presses.
    Escape,
    /// `ESC ]`, and so many digits.
    Number(usize),
    /// `ESC ] digits ;` cannot be typed by chance: all that follows, so many characters by now, belongs to the answer.
    Osc(usize),
    /// The Esc of the answer's end, `ESC \`.
    OscEscape,
    /// `ESC [`.
    Bracket,
    /// `ESC [ ?`, and so many characters.
    Attributes(usize),
}

impl Replies {
    /// Takes what has come.
    pub(super) fn take(&mut self, event: Event, now: Instant) {
        let Some(key) = pressed(&event) else {
            // The mouse and the size are no part of an answer, and a key that is let go was one.
            return self.ready.push_back(event);
        };
        let next = self.at.next(key);
        match (self.at, next) {
            (_, At::Escape) => {
                self.release();
                self.ready.push_back(event);
            }
            (_, At::Nothing) if self.at.is_certain() => {
                // Its end; but a key that no answer holds is somebody's.
                self.held.clear();
                if !ends(self.at, key) {
                    self.ready.push_back(event);
                }
            }
            (_, At::Nothing) => {
                self.release();
                self.ready.push_back(event);
            }
            (_, next) if next.is_certain() => self.held.clear(),
            _ => self.held.push(event),
        }
        self.at = next;
        // Behind Esc alone nothing is held yet, and over a slow line the rest takes its time.
        let patience = if next.is_certain() || next == At::Escape { UNFINISHED } else { HELD };
        self.until = if next == At::Nothing { None } else { now.checked_add(patience) };
    }

    /// What somebody has done.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// When [`give_up`](Self::give_up) is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// The rest has not come in time: it was no answer.
    pub(super) fn give_up(&mut self) {
        (self.at, self.until) = (At::Nothing, None);
        self.release();
    }

    fn release(&mut self) {
        self.ready.extend(self.held.drain(..));
    }
}

impl At {
    /// Whether it is an answer for sure.
    fn is_certain(self) -> bool {
        matches!(self, Self::Osc(_) | Self::OscEscape | Self::Attributes(_))
    }

    fn next(self, key: KeyEvent) -> Self {
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let c = match key.code {
            KeyCode::Char(c) if !alt && !control => Some(c),
            _ => None,
        };
        match self {
            Self::Osc(length) if length < LONGEST => match key.code {
                _ if ends(self, key) => Self::Nothing,
                KeyCode::Esc => Self::OscEscape,
                _ if c.is_some() => Self::Osc(length + 1),
                _ => Self::Nothing,
            },
            Self::OscEscape => Self::Nothing,
            Self::Attributes(length) if length < LONGEST => match c {
                Some('0'..='9' | ';' | '$') => Self::Attributes(length + 1),
                _ => Self::Nothing,
            },
            _ if key.code == KeyCode::Esc => Self::Escape,
            _ if key.code == KeyCode::Char(']') && alt && !control => Self::Number(0),
            Self::Escape => match c {
                Some(']') => Self::Number(0),
                Some('[') => Self::Bracket,
                _ => Self::Nothing,
            },
            Self::Number(digits) => match c {
                Some('0'..='9') if digits < 4 => Self::Number(digits + 1),
                Some(';') if digits > 0 => Self::Osc(0),
                _ => Self::Nothing,
            },
            Self::Bracket if c == Some('?') => Self::Attributes(0),
            Self::Nothing | Self::Bracket | Self::Osc(_) | Self::Attributes(_) => Self::Nothing,
        }
    }
}

/// Whether a key is the last of an answer.
fn ends(at: At, key: KeyEvent) -> bool {
    let (alt, control) = (key.modifiers.contains(KeyModifiers::ALT), key.modifiers.contains(KeyModifiers::CONTROL));
    match (at, key.code) {
        // BEL, and `ESC \` in one.
        (At::Osc(_), KeyCode::Char('g')) => control,
        (At::Osc(_), KeyCode::Char('\\')) => alt,
        (At::OscEscape, KeyCode::Char('\\')) => true,
        // `c`, or the end of another report.
        (At::Attributes(_), KeyCode::Char(c)) => !alt && !control && c.is_ascii_alphabetic(),
        _ => false,
    }
}

fn pressed(event: &Event) -> Option<KeyEvent> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(*key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As crossterm reads bytes that come together: Esc and the next one are one key, unless a read ends between them.
    fn keys(pieces: &[&str]) -> Vec<Event> {
        let mut keys = Vec::new();
        for piece in pieces {
            let mut chars = piece.chars().peekable();
            while let Some(c) = chars.next() {
                let (c, modifiers) = match (c, chars.peek()) {
                    ('\u{1b}', Some(_)) => (chars.next().unwrap(), KeyModifiers::ALT),
                    (c, _) => (c, KeyModifiers::NONE),
                };
                keys.push(match c {
                    '\u{1b}' => KeyEvent::new(KeyCode::Esc, modifiers),
                    '\u{7}' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
                    '\r' => KeyEvent::new(KeyCode::Enter, modifiers),
                    c => KeyEvent::new(KeyCode::Char(c), modifiers),
                });
            }
        }
        keys.into_iter().map(Event::Key).collect()
    }

    /// What is left of keys that come one after the other, and what is let through when nothing more comes.
    fn left(keys: Vec<Event>) -> Vec<Event> {
        let (mut replies, now) = (Replies::default(), Instant::now());
        let mut left = Vec::new();
        for key in keys {
            replies.take(key, now);
            left.extend(std::iter::from_fn(|| replies.next()));
        }
        assert_eq!(replies.deadline().is_some(), replies.at != At::Nothing);
        replies.give_up();
        left.extend(std::iter::from_fn(|| replies.next()));
        left
    }

    const COLOUR: &str = "\u{1b}]11;rgb:0000/2b2b/3636";

    #[test]
    fn an_answer_to_the_question_for_a_colour_is_no_key() {
        for end in ["\u{1b}\\", "\u{7}"] {
            assert_eq!(left(keys(&["a", &format!("{COLOUR}{end}"), "b\r"])), keys(&["ab\r"]), "{end:?}");
        }
        let two = format!("{COLOUR}\u{1b}\\{}\u{7}", COLOUR.replace("11", "10"));
        assert_eq!(left(keys(&[&two])), []);
    }

    #[test]
    fn an_answer_that_is_split_over_reads_is_no_key_wherever_it_is_split() {
        for end in ["\u{1b}\\", "\u{7}"] {
            let answer = format!("{COLOUR}{end}");
            for at in 1..answer.len() {
                let (first, second) = answer.split_at(at);
                let left = left(keys(&[first, second, "x"]));
                // Esc alone is a key before it is known what follows; it closes a panel at most.
                let seen: Vec<Event> = left.into_iter().filter(|key| *key != Event::Key(KeyCode::Esc.into())).collect();
                assert_eq!(seen, keys(&["x"]), "split at {at}");
            }
        }
    }

    #[test]
    fn device_attributes_that_are_split_behind_esc_are_no_keys() {
        let left = left(keys(&["\u{1b}", "[?62;4c", "ok"]));
        assert_eq!(left[1..], keys(&["ok"])[..]);
    }

    #[test]
    fn what_somebody_types_stays() {
        for typed in ["]11;rgb", "hello [?1c", "\u{1b}", "\u{1b}]", "\u{1b}]x", "\u{1b}]1", "\u{1b}]12345;", "a\\\u{7}"]
        {
            assert_eq!(left(keys(&[typed])), keys(&[typed]), "{typed:?}");
        }
        for pieces in [["\u{1b}", "]"], ["\u{1b}", "]1x"], ["\u{1b}", "[x"], ["\u{1b}", "\u{1b}"]] {
            assert_eq!(left(keys(&pieces)), keys(&pieces), "{pieces:?}");
        }
    }

    #[test]
    fn an_answer_without_an_end_keeps_nobody_from_typing() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        keys(&["\u{1b}]11;rgb:"]).into_iter().for_each(|key| replies.take(key, now));
        assert_eq!(replies.deadline(), Some(now + UNFINISHED));
        replies.give_up();
        keys(&["x"]).into_iter().for_each(|key| replies.take(key, now));
        assert_eq!(replies.next(), keys(&["x"]).pop());
        let endless = "1".repeat(3 * LONGEST);
        assert!(left(keys(&[&format!("\u{1b}]11;{endless}")])).len() > LONGEST);
        // Enter is no part of an answer.
        assert_eq!(left(keys(&["\u{1b}]11;rgb", "\r"])), keys(&["\r"]));
    }

    #[test]
    fn the_mouse_and_the_size_pass_by() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        keys(&["\u{1b}]1"]).into_iter().for_each(|key| replies.take(key, now));
        replies.take(Event::Resize(80, 24), now);
        assert_eq!(replies.next(), Some(Event::Resize(80, 24)));
        assert_eq!(replies.next(), None);
    }

    proptest! {
        /// Without an Esc there is no answer.
        #[test]
        fn plain_typing_is_never_touched(typed in "[a-z\\]\\[;?0-9\\\\/: ]{0,30}") {
            let typed = keys(&[&typed]);
            prop_assert_eq!(left(typed.clone()), typed);
        }
    }
}
