//! Retries that the clients of one process share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_core::{ConfigError, Moment, retry::Budget};

use crate::clock::{self, Instant};
use crate::sync::lock;

/// A limit on retries that several clients share: a number of retries at once, and after that the same number in each
/// period, first come, first served. Cloning it is cheap, and all clones are the same budget.
///
/// It is for processes with many clients: when their network comes back, they don't all dial at the same moment. A
/// client's first attempt, and one that [`Hint::RetryNow`](crate::Hint::RetryNow) asks for, are not limited. A retry
/// that has to wait shows: [`State::Disconnected`](crate::State::Disconnected) has `held` set and the time of the
/// attempt in `retry_at`, and [`Event::HeldBack`](crate::Event::HeldBack) reports it.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use everwire::{Client, RetryBudget};
///
/// let budget = RetryBudget::new(20, Duration::from_secs(1))?;
/// let mut clients = Vec::new();
/// for feed in 0..1000 {
///     let url = format!("wss://example.org/feeds/{feed}");
///     clients.push(Client::builder(url).retry_budget(budget.clone()).build()?);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    budget: Mutex<Budget>,
    /// `Moment::ZERO`.
    origin: Instant,
}

impl RetryBudget {
    /// A budget of `retries` at once, and then `retries` in each `per`, evenly spaced.
    ///
    /// # Errors
    /// If one of them is zero.
    pub fn new(retries: u32, per: Duration) -> Result<Self, ConfigError> {
        let budget = Mutex::new(Budget::new(retries, per)?);
        Ok(Self(Arc::new(Shared { budget, origin: Instant::now() })))
    }

    pub(crate) fn reserve(&self, now: Instant) -> Instant {
        let now_here = Moment::ZERO.saturating_add(now.saturating_duration_since(self.0.origin));
        let place = lock(&self.0.budget).reserve(now_here);
        clock::after(now, place.since(now_here))
    }
}

impl Default for RetryBudget {
    /// 50 retries at once, and then 50 a second: far above what single clients do, and below what hurts a server or a
    /// local network.
    fn default() -> Self {
        Self(Arc::new(Shared { budget: Mutex::default(), origin: Instant::now() }))
    }
}
