//! When others are told what we do: that we type, at the first character, again while it goes on, and no more after a
//! pause; and that we are away, when nothing was done for a while.

use std::time::Duration;

use everwire_chat_core::typing::IDLE;
use web_time::Instant;

/// While typing goes on the signal is repeated, so that it does not run out on the other side.
const REPEAT: Duration = Duration::from_secs(2);

/// Says when to call [`ChatClient::typing`](crate::ChatClient::typing), and with what.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use everwire_chat::signal::TypingSignal;
///
/// let (mut signal, now) = (TypingSignal::default(), Instant::now());
/// assert_eq!(signal.on_edit(false, now), Some(true));
/// let pause = signal.deadline().unwrap();
/// assert_eq!(signal.on_pause(pause), Some(false));
/// ```
#[derive(Debug, Default)]
pub struct TypingSignal {
    /// Since when others have been told, and the last keystroke.
    told: Option<(Instant, Instant)>,
}

impl TypingSignal {
    /// The draft has changed, and is `blank` or not. Returns what to call [`ChatClient::typing`](crate::ChatClient::typing)
    /// with, if at all.
    pub fn on_edit(&mut self, blank: bool, now: Instant) -> Option<bool> {
        match (blank, self.told) {
            (true, None) => None,
            (true, Some(_)) => {
                self.told = None;
                Some(false)
            }
            (false, Some((told, _))) if now.saturating_duration_since(told) < REPEAT => {
                self.told = Some((told, now));
                None
            }
            (false, _) => {
                self.told = Some((now, now));
                Some(true)
            }
        }
    }

    /// The message was sent, which tells the others that our user no longer types.
    pub fn on_sent(&mut self) {
        self.told = None;
    }

    /// The time when [`on_pause`](Self::on_pause) has something to report.
    pub fn deadline(&self) -> Option<Instant> {
        self.told.and_then(|(_, last)| last.checked_add(IDLE))
    }

    /// The deadline has come; what others are to be told.
    pub fn on_pause(&mut self, now: Instant) -> Option<bool> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.told = None;
            return Some(false);
        }
        None
    }
}

/// The time without a key, a pointer event or the focus after which a user is away: 5 minutes.
pub const AWAY_AFTER: Duration = Duration::from_secs(300);

/// Says when to call [`ChatClient::set_away`](crate::ChatClient::set_away), and with what.
///
/// ```
/// use std::time::Instant;
///
/// use everwire_chat::signal::AwaySignal;
///
/// let mut signal = AwaySignal::new(Instant::now());
/// let away_at = signal.deadline().unwrap();
/// assert_eq!(signal.on_pause(away_at), Some(true));
/// assert_eq!(signal.on_input(away_at), Some(false));
/// ```
#[derive(Debug)]
pub struct AwaySignal {
    last: Instant,
    away: bool,
}

impl AwaySignal {
    /// The user is here.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { last: now, away: false }
    }

    /// The user has done something; returns what to tell the others.
    pub fn on_input(&mut self, now: Instant) -> Option<bool> {
        self.last = now;
        std::mem::take(&mut self.away).then_some(false)
    }

    /// The time when [`on_pause`](Self::on_pause) has something to report.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.away { None } else { self.last.checked_add(AWAY_AFTER) }
    }

    /// The deadline has come; what others are to be told.
    pub fn on_pause(&mut self, now: Instant) -> Option<bool> {
        let is_due = self.deadline().is_some_and(|deadline| deadline <= now);
        self.away |= is_due;
        is_due.then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use web_time::Instant;

    use super::{AWAY_AFTER, AwaySignal, IDLE, REPEAT, TypingSignal};

    #[test]
    fn others_are_told_at_the_first_character_and_after_a_pause() {
        let start = Instant::now();
        let mut signal = TypingSignal::default();
        assert_eq!(signal.on_edit(true, start), None, "nothing is typed");
        assert_eq!(signal.on_edit(false, start), Some(true));
        assert_eq!(signal.on_edit(false, start + Duration::from_millis(300)), None);
        let last = start + REPEAT;
        assert_eq!(signal.on_edit(false, last), Some(true), "repeated while it goes on");
        assert_eq!(signal.deadline(), Some(last + IDLE));
        assert_eq!(signal.on_pause(last), None);
        assert_eq!(signal.on_pause(last + IDLE), Some(false));
        assert_eq!(signal.deadline(), None);
    }

    #[test]
    fn who_does_nothing_for_long_is_away_until_something_is_done() {
        let start = Instant::now();
        let mut signal = AwaySignal::new(start);
        let later = start + Duration::from_secs(60);
        assert_eq!(signal.on_input(later), None, "nobody was away");
        assert_eq!(signal.on_pause(start + AWAY_AFTER), None, "something was done since");
        assert_eq!(signal.on_pause(later + AWAY_AFTER), Some(true));
        assert_eq!((signal.deadline(), signal.on_pause(later + 2 * AWAY_AFTER)), (None, None), "told once");
        assert_eq!(signal.on_input(later + 2 * AWAY_AFTER), Some(false));
    }

    #[test]
    fn emptying_the_line_takes_it_back_and_sending_says_nothing() {
        let now = Instant::now();
        let mut signal = TypingSignal::default();
        signal.on_edit(false, now);
        assert_eq!(signal.on_edit(true, now), Some(false));
        signal.on_edit(false, now);
        signal.on_sent();
        assert_eq!(signal.on_edit(true, now), None);
    }
}
