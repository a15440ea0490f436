//! Who was here before a server was lost: each of its clients comes back in its own time, and none of them has joined or left
//! by that.

use std::time::Duration;

use everwire_chat_core::wire::User;

use super::platform::Instant;

/// How long those who were here have to come back after a server was lost, as we did.
const COMING_BACK: Duration = Duration::from_secs(30);

/// The largest number of users who are remembered.
const MOST: usize = 10_000;

/// Who was here when the connection was lost, and is not yet here again.
#[derive(Debug, Default)]
pub(super) struct Returning {
    users: Vec<User>,
    /// When they count as gone.
    until: Option<Instant>,
}

impl Returning {
    /// There is a connection again: these were known to be here, and these are here.
    pub(super) fn on_sync(&mut self, known: Vec<User>, here: &[User], now: Instant) {
        self.users.extend(known);
        self.users.retain(|user| here.iter().all(|here| here.user_id != user.user_id));
        self.users.truncate(MOST);
        // Further losses give nobody more time.
        let until = self.until.or_else(|| now.checked_add(COMING_BACK));
        self.until = until.filter(|_| !self.users.is_empty());
    }

    /// A user has come, or has gone for all to hear; whether we waited for that one.
    pub(super) fn take(&mut self, user_id: &str) -> bool {
        let waited_for = self.users.len();
        self.users.retain(|user| user.user_id != user_id);
        self.users.len() < waited_for
    }

    /// When [`expire`](Self::expire) has users to return.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Who has not come back in time.
    pub(super) fn expire(&mut self, now: Instant) -> impl Iterator<Item = User> {
        let gone = match self.until {
            Some(until) if until <= now => {
                self.until = None;
                std::mem::take(&mut self.users)
            }
            _ => Vec::new(),
        };
        gone.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<User> {
        names.iter().map(|name| User::new(*name, *name)).collect()
    }

    #[test]
    fn who_comes_back_in_time_was_never_gone_and_who_does_not_is_missed() {
        let (mut returning, start) = (Returning::default(), Instant::now());
        returning.on_sync(Vec::new(), &users(&["ana"]), start);
        assert_eq!(returning.deadline(), None);
        returning.on_sync(users(&["ana", "ben", "cat"]), &users(&["ana"]), start);
        assert!(returning.take("ben"));
        assert!(!returning.take("ben") && !returning.take("dan"), "these join");
        assert_eq!(returning.expire(start + COMING_BACK / 2).count(), 0);
        let due = returning.deadline().unwrap();
        assert_eq!(returning.expire(due).collect::<Vec<_>>(), users(&["cat"]));
        assert_eq!((returning.deadline(), returning.take("cat")), (None, false));
    }

    #[test]
    fn further_losses_give_nobody_more_time() {
        let (mut returning, start) = (Returning::default(), Instant::now());
        returning.on_sync(users(&["ana", "ben"]), &[], start);
        let due = returning.deadline();
        returning.on_sync(Vec::new(), &users(&["ana"]), start + COMING_BACK / 2);
        assert_eq!(returning.deadline(), due);
        assert_eq!(returning.expire(start + COMING_BACK).collect::<Vec<_>>(), users(&["ben"]));
    }

    #[test]
    fn a_crowd_is_bounded() {
        let (mut returning, now) = (Returning::default(), Instant::now());
        let crowd: Vec<User> = (0..2 * MOST).map(|n| User::new(n.to_string(), "x")).collect();
        returning.on_sync(crowd, &[], now);
        assert_eq!(returning.expire(now + COMING_BACK).count(), MOST);
    }
}
