//! How many wrong passwords may be tried. Time is an argument.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::rate_limit::{Rate, RateLimiter};

/// For one user from one network: who guesses from elsewhere keeps nobody out.
const FOR_USER_FROM_NETWORK: Rate = Rate::new(10.0, 0.1);
/// For one user from everywhere: more networks than one guesser has.
const FOR_USER: Rate = Rate::new(100.0, 1.0);
/// For all users from one network.
const FROM_NETWORK: Rate = Rate::new(20.0, 0.5);

/// FailedPasswords passwords. Each attempt is counted before it is looked at, so that many at a time are no way around the limits;
/// what was not wrong is taken back.
#[derive(Debug)]
pub(super) struct FailedPasswords {
    users_from: RateLimiter<(String, Option<IpAddr>)>,
    users: RateLimiter<String>,
    from: RateLimiter<IpAddr>,
}

impl FailedPasswords {
    pub(super) fn new() -> Self {
        Self {
            users_from: RateLimiter::new(FOR_USER_FROM_NETWORK),
            users: RateLimiter::new(FOR_USER),
            from: RateLimiter::new(FROM_NETWORK),
        }
    }

    /// Counts an attempt for a user, unless it is for one that there can't be, from an address, as far as that is known.
    ///
    /// # Errors
    /// How long to wait, if there were too many; this one is not counted.
    pub(super) fn count(&mut self, user: Option<&str>, from: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let network = from.map(network);
        if let Some(network) = network {
            self.from.take(network, now)?;
        }
        let Some(user) = user else { return Ok(()) };
        let mut counted = self.users_from.take((user.to_owned(), network), now);
        if counted.is_ok() {
            counted = self.users.take(user.to_owned(), now);
            if counted.is_err() {
                self.users_from.put_back((user.to_owned(), network), now);
            }
        }
        if counted.is_err()
            && let Some(network) = network
        {
            self.from.put_back(network, now);
        }
        counted
    }

    /// An attempt that was counted was not wrong, or nobody has looked at it.
    pub(super) fn take_back(&mut self, user: Option<&str>, from: Option<IpAddr>, now: Instant) {
        let network = from.map(network);
        if let Some(network) = network {
            self.from.put_back(network, now);
        }
        if let Some(user) = user {
            self.users_from.put_back((user.to_owned(), network), now);
            self.users.put_back(user.to_owned(), now);
        }
    }
}

/// What one site has: of IPv6 a /48 network, in which there are 65,536 of those that one user has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 80 << 80).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// Counts how many of `attempts` attempts are let through at once.
    fn let_through(wrong: &mut FailedPasswords, user: &str, from: Option<IpAddr>, attempts: usize) -> usize {
        (0..attempts).filter(|_| wrong.count(Some(user), from, Instant::now()).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_from_elsewhere_keeps_nobody_out() {
        let mut wrong = FailedPasswords::new();
        assert_eq!(let_through(&mut wrong, "ana", address("192.0.2.1"), 50), 10);
        assert_eq!(let_through(&mut wrong, "ana", address("192.0.2.2"), 1), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_from_very_many_networks_together_are_bounded() {
        let mut wrong = FailedPasswords::new();
        let through: usize =
            (0..100).map(|n| let_through(&mut wrong, "ana", address(&format!("192.0.2.{n}")), 10)).sum();
        assert_eq!(through, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn one_network_tries_no_more_users_than_its_rate_whatever_addresses_it_has() {
        let mut wrong = FailedPasswords::new();
        let through = (0..100_u16)
            .filter(|n| {
                let from = address(&format!("2001:db8:1:{n:x}::1"));
                wrong.count(Some(&format!("user {n}")), from, Instant::now()).is_ok()
            })
            .count();
        assert_eq!(through, 20);
        assert!(wrong.count(Some("ana"), address("2001:db8:2::1"), Instant::now()).is_ok(), "another site");
    }

    #[tokio::test(start_paused = true)]
    async fn right_passwords_do_not_count_and_an_attempt_that_is_refused_does_not_either() {
        let mut wrong = FailedPasswords::new();
        let from = address("192.0.2.1");
        for _ in 0..1000 {
            assert!(wrong.count(Some("ana"), from, Instant::now()).is_ok());
            wrong.take_back(Some("ana"), from, Instant::now());
        }
        assert_eq!(let_through(&mut wrong, "ana", from, 50), 10);
        assert_eq!(let_through(&mut wrong, "ben", from, 50), 10, "40 were refused for ana, and count for nobody");
    }
}
