//! Drops a terminal's late replies. When the program starts, it asks the terminal for its colours and its kind; over a slow
//! line the replies may come when nothing waits for them any more, and then they look like keys.
//!
//! A reply begins with Esc and `]` (OSC) or `[?` (device attributes). If these bytes are read together, Esc and the next one
//! come as one key with Alt; if a read ends after Esc, as two keys.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// How long keys are held back that may begin a reply: `]` and digits after Esc, or Alt+`]` and digits.
const HELD: Duration = Duration::from_millis(500);

/// The longest wait for the end of a reply; after it, keys count as typed again.
const UNFINISHED: Duration = Duration::from_secs(5);

/// The longest reply, in characters.
const LONGEST: usize = 256;

/// Separates the terminal's replies from typed keys. Has no clock.
#[derive(Debug, Default)]
pub(super) struct Replies {
    at: At,
    /// Keys that may turn out to be part of a reply.
    held: Vec<Event>,
    ready: VecDeque<Event>,
    /// When the keys held back are released.
    until: Option<Instant>,
}

/// The part of a reply that was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Nothing,
    /// Esc, which was passed on: it may be the key alone.
    Escape,
    /// `ESC ]`, and this many digits.
    Number(usize),
    /// `ESC ] digits ;` is hardly ever typed: all that follows, this many characters so far, belongs to a reply.
    Osc(usize),
    /// The Esc of the reply's end, `ESC \`.
    OscEscape,
    /// `ESC [`.
    Bracket,
    /// `ESC [ ?`, and this many characters.
    Attributes(usize),
}

impl Replies {
    /// Handles an event of the terminal.
    pub(super) fn take(&mut self, event: Event, now: Instant) {
        let Some(key) = pressed(&event) else {
            // Mouse events, sizes and released keys are never part of a reply.
            return self.ready.push_back(event);
        };
        let next = self.at.next(key);
        match (self.at, next) {
            (_, At::Escape) => {
                self.release();
                self.ready.push_back(event);
            }
            (_, At::Nothing) if self.at.is_certain() => {
                // The end of the reply; a key that can't end one was typed, and is passed on.
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
        // After Esc alone nothing is held back yet, and over a slow line the rest may take long.
        let patience = if next.is_certain() || next == At::Escape { UNFINISHED } else { HELD };
        self.until = if next == At::Nothing { None } else { now.checked_add(patience) };
    }

    /// The next event that is not part of a reply.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// When [`give_up`](Self::give_up) is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// The rest has not come in time, so the keys held back were typed.
    pub(super) fn give_up(&mut self) {
        (self.at, self.until) = (At::Nothing, None);
        self.release();
    }

    fn release(&mut self) {
        self.ready.extend(self.held.drain(..));
    }
}

impl At {
    /// Whether it is certainly a reply.
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

/// Whether a key is the last of a reply.
fn ends(at: At, key: KeyEvent) -> bool {
    let (alt, control) = (key.modifiers.contains(KeyModifiers::ALT), key.modifiers.contains(KeyModifiers::CONTROL));
    match (at, key.code) {
        // BEL, or `ESC \` as one key.
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

    /// The keys that crossterm makes of these reads: Esc and the next byte are one key, unless a read ends between them.
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

    /// The events that are passed on for these keys, including those that are released when nothing more comes.
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
    fn a_reply_about_a_colour_is_dropped() {
        for end in ["\u{1b}\\", "\u{7}"] {
            assert_eq!(left(keys(&["a", &format!("{COLOUR}{end}"), "b\r"])), keys(&["ab\r"]), "{end:?}");
        }
        let two = format!("{COLOUR}\u{1b}\\{}\u{7}", COLOUR.replace("11", "10"));
        assert_eq!(left(keys(&[&two])), []);
    }

    #[test]
    fn a_reply_split_over_reads_is_dropped_wherever_it_is_split() {
        for end in ["\u{1b}\\", "\u{7}"] {
            let answer = format!("{COLOUR}{end}");
            for at in 1..answer.len() {
                let (first, second) = answer.split_at(at);
                let left = left(keys(&[first, second, "x"]));
                // Esc is passed on before it is known what follows; the key does no more than close a panel.
                let seen: Vec<Event> = left.into_iter().filter(|key| *key != Event::Key(KeyCode::Esc.into())).collect();
                assert_eq!(seen, keys(&["x"]), "split at {at}");
            }
        }
    }

    #[test]
    fn device_attributes_split_after_esc_are_dropped() {
        let left = left(keys(&["\u{1b}", "[?62;4c", "ok"]));
        assert_eq!(left[1..], keys(&["ok"])[..]);
    }

    #[test]
    fn typed_keys_are_passed_on() {
        for typed in ["]11;rgb", "hello [?1c", "\u{1b}", "\u{1b}]", "\u{1b}]x", "\u{1b}]1", "\u{1b}]12345;", "a\\\u{7}"]
        {
            assert_eq!(left(keys(&[typed])), keys(&[typed]), "{typed:?}");
        }
        for pieces in [["\u{1b}", "]"], ["\u{1b}", "]1x"], ["\u{1b}", "[x"], ["\u{1b}", "\u{1b}"]] {
            assert_eq!(left(keys(&pieces)), keys(&pieces), "{pieces:?}");
        }
    }

    #[test]
    fn a_reply_without_an_end_is_given_up_so_that_typing_goes_on() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        keys(&["\u{1b}]11;rgb:"]).into_iter().for_each(|key| replies.take(key, now));
        assert_eq!(replies.deadline(), Some(now + UNFINISHED));
        replies.give_up();
        keys(&["x"]).into_iter().for_each(|key| replies.take(key, now));
        assert_eq!(replies.next(), keys(&["x"]).pop());
        let endless = "1".repeat(3 * LONGEST);
        assert!(left(keys(&[&format!("\u{1b}]11;{endless}")])).len() > LONGEST);
        // Enter is never part of a reply.
        assert_eq!(left(keys(&["\u{1b}]11;rgb", "\r"])), keys(&["\r"]));
    }

    #[test]
    fn mouse_and_size_events_are_passed_on() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        keys(&["\u{1b}]1"]).into_iter().for_each(|key| replies.take(key, now));
        replies.take(Event::Resize(80, 24), now);
        assert_eq!(replies.next(), Some(Event::Resize(80, 24)));
        assert_eq!(replies.next(), None);
    }

    proptest! {
        /// A reply has an Esc.
        #[test]
        fn plain_typing_is_never_touched(typed in "[a-z\\]\\[;?0-9\\\\/: ]{0,30}") {
            let typed = keys(&[&typed]);
            prop_assert_eq!(left(typed.clone()), typed);
        }
    }
}
