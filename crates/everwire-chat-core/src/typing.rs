//! Who is typing. A signal counts until it is taken back, or until its sender has been quiet for [`EXPIRY`].

use std::time::Duration;

use crate::wire::{Typing, User};

/// The time for which a signal counts without another one: a sender repeats it while typing, at least every 2 s.
pub const EXPIRY: Duration = Duration::from_secs(6);

/// After this long without a keystroke a sender takes its signal back.
pub const IDLE: Duration = Duration::from_secs(2);

/// More than this many are not told apart: the line only says that several are typing.
const TRACKED: usize = 16;

/// The users who are typing in a room. `now` is any monotonic time.
#[derive(Clone, Debug, Default)]
pub struct TypingUsers {
    users: Vec<(User, Duration)>,
}

impl TypingUsers {
    /// Takes a signal; whether the list has changed.
    pub fn on_signal(&mut self, signal: Typing, now: Duration) -> bool {
        let known = self.users.iter().position(|(user, _)| user.user_id == signal.user_id);
        match (known, signal.is_typing) {
            (Some(at), true) => {
                self.users[at].1 = now.saturating_add(EXPIRY);
                false
            }
            (Some(at), false) => {
                self.users.remove(at);
                true
            }
            (None, true) if self.users.len() < TRACKED => {
                let user = User::new(signal.user_id, signal.user_name);
                self.users.push((user, now.saturating_add(EXPIRY)));
                true
            }
            (None, _) => false,
        }
    }

    /// A message of theirs, or their leaving, ends their typing; whether the list has changed.
    pub fn on_gone(&mut self, user_id: &str) -> bool {
        let before = self.users.len();
        self.users.retain(|(user, _)| user.user_id != user_id);
        self.users.len() != before
    }

    /// Forgets signals that are too old; whether the list has changed.
    pub fn expire(&mut self, now: Duration) -> bool {
        let before = self.users.len();
        self.users.retain(|(_, until)| *until > now);
        self.users.len() != before
    }

    /// The time when [`expire`](Self::expire) would change something.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.users.iter().map(|(_, until)| *until).min()
    }

    /// Their names, in the order in which they began.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.users.iter().map(|(user, _)| user.user_name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(user: &str, is_typing: bool) -> Typing {
        Typing { id: "1".into(), user_id: user.into(), user_name: user.to_uppercase(), is_typing, timestamp: 0 }
    }

    #[test]
    fn t25_typing_shows_until_taken_back_sent_or_expired() {
        let mut typing = TypingUsers::default();
        let start = Duration::ZERO;
        assert!(typing.on_signal(signal("a", true), start));
        assert!(typing.on_signal(signal("b", true), start));
        assert!(!typing.on_signal(signal("a", true), start + IDLE));
        assert_eq!(typing.names(), ["A", "B"]);
        assert_eq!(typing.deadline(), Some(start + EXPIRY));
        assert!(typing.expire(start + EXPIRY));
        assert_eq!(typing.names(), ["A"]);
        assert!(typing.on_gone("a") && !typing.on_gone("a"));
        assert!(typing.on_signal(signal("c", true), start) && typing.on_signal(signal("c", false), start));
        assert!(typing.names().is_empty() && typing.deadline().is_none());
    }

    #[test]
    fn a_crowd_is_bounded() {
        let mut typing = TypingUsers::default();
        let shown = (0..1000).filter(|n| typing.on_signal(signal(&n.to_string(), true), Duration::ZERO)).count();
        assert_eq!(shown, TRACKED);
        assert_eq!(typing.names().len(), TRACKED);
    }
}
