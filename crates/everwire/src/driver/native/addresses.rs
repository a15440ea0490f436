//! In which order the addresses of a server are tried.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_core::{AddressResult, OpenFailure};
use tokio::time::Instant;

use super::stopwatch::Stopwatch;
use crate::sync::lock;

/// What a client remembers of addresses from one attempt to the next.
#[derive(Debug, Default)]
pub(super) struct AddressBook(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Where an opening failed, or nobody answered, and when; the earliest first.
    failed: Vec<(SocketAddr, Instant)>,
    /// Where the latest opening succeeded.
    latest: Vec<SocketAddr>,
}

/// An address whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// It failed the last time.
    pub(super) doubtful: bool,
}

/// How long a failure counts. After that the resolver's order (RFC 6724) holds again.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Failures that are remembered.
const MOST: usize = 64;

impl AddressBook {
    /// The families in turn, each in the resolver's order (RFC 8305 section 4); behind them those that failed lately, the
    /// earliest failure first.
    pub(super) fn order(&self, addresses: &[SocketAddr]) -> Vec<Candidate> {
        let mut memory = lock(&self.0);
        memory.forget(Instant::now());
        let place = |address: SocketAddr| memory.failed.iter().position(|(failed, _)| *failed == address);
        let mut order: Vec<_> = interleaved(addresses)
            .into_iter()
            .map(|address| (place(address), Candidate { address, doubtful: place(address).is_some() }))
            .collect();
        order.sort_by_key(|(place, _)| *place);
        order.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// A connection that was opened was of no use: the next attempt starts elsewhere, if there is an elsewhere.
    pub(super) fn doubt_latest(&self) {
        let mut memory = lock(&self.0);
        for address in std::mem::take(&mut memory.latest) {
            memory.note(address, Instant::now());
        }
    }

    fn failed(&self, address: SocketAddr) {
        lock(&self.0).note(address, Instant::now());
    }

    fn worked(&self, addresses: Vec<SocketAddr>) {
        let mut memory = lock(&self.0);
        memory.failed.retain(|(failed, _)| !addresses.contains(failed));
        memory.latest = addresses;
    }
}

impl Memory {
    fn note(&mut self, address: SocketAddr, now: Instant) {
        self.failed.retain(|(failed, _)| *failed != address);
        if self.failed.len() == MOST {
            self.failed.remove(0);
        }
        self.failed.push((address, now));
    }

    fn forget(&mut self, now: Instant) {
        self.failed.retain(|(_, at)| now.duration_since(*at) < REMEMBERED);
    }
}

/// Without repetitions, the families in turn, beginning with that of the first.
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    for address in addresses {
        if !seen.contains(address) {
            seen.push(*address);
        }
    }
    let Some(first) = seen.first().map(SocketAddr::is_ipv4) else { return seen };
    let (one, other): (Vec<_>, Vec<_>) = seen.into_iter().partition(|address| address.is_ipv4() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut order = Vec::new();
    loop {
        let before = order.len();
        order.extend(one.next());
        order.extend(other.next());
        if order.len() == before {
            return order;
        }
    }
}

/// The addresses that an opening goes by. Unless it [succeeds](Self::succeeded), the next one starts at others; that is so
/// too for an opening that is abandoned.
#[derive(Debug)]
pub(super) struct Trial {
    book: Arc<AddressBook>,
    addresses: Vec<SocketAddr>,
    /// All that there are to choose from.
    choice: Arc<[SocketAddr]>,
}

impl Trial {
    /// `choice`: all addresses that there are.
    pub(super) fn of(book: &Arc<AddressBook>, address: SocketAddr, choice: &Arc<[SocketAddr]>) -> Self {
        Self { book: Arc::clone(book), addresses: vec![address], choice: Arc::clone(choice) }
    }

    pub(super) fn is_of(&self, address: SocketAddr) -> bool {
        self.addresses == [address]
    }

    /// The address, if there is one.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// The same opening goes by these too.
    pub(super) fn and(mut self, mut other: Self) -> Self {
        self.addresses.append(&mut other.addresses);
        if other.choice.len() > self.choice.len() {
            self.choice = Arc::clone(&other.choice);
        }
        self
    }

    pub(super) fn succeeded(mut self) {
        self.book.worked(std::mem::take(&mut self.addresses));
    }

    /// The opening failed behind TCP: where, in its words and for the post-mortem.
    pub(super) fn failed(self, mut failure: OpenFailure, stopwatch: &Stopwatch) -> OpenFailure {
        for address in &self.addresses {
            stopwatch.tried(*address, AddressResult::Failed(failure.detail.clone()));
        }
        if self.choice.len() > 1 {
            for address in self.choice.iter().filter(|address| !self.addresses.contains(address)) {
                stopwatch.tried(*address, AddressResult::NotTried);
            }
            let places: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
            failure.detail += &format!(" (at {}, one of {} addresses)", places.join(", "), self.choice.len());
        }
        failure
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        for address in self.addresses.drain(..) {
            self.book.failed(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses<const N: usize>(texts: [&str; N]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    fn order(book: &AddressBook, addresses: &[SocketAddr]) -> Vec<String> {
        let order = book.order(addresses).into_iter();
        order.map(|candidate| format!("{}{}", candidate.address, if candidate.doubtful { "?" } else { "" })).collect()
    }

    fn trial(book: &Arc<AddressBook>, address: SocketAddr) -> Trial {
        Trial::of(book, address, &Arc::from([address]))
    }

    #[test]
    fn families_take_turns_and_each_keeps_the_resolvers_order() {
        let found = addresses(["[::1]:1", "[::2]:1", "[::1]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = addresses(["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleaved(&found), expected);
        assert_eq!(interleaved(&[]), []);
        let one_family = addresses(["2.2.2.2:1", "1.1.1.1:1"]);
        assert_eq!(interleaved(&one_family), one_family);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_comes_last_and_the_earliest_failure_first_until_it_is_forgotten() {
        let book = Arc::new(AddressBook::default());
        let all = addresses(["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
        drop(trial(&book, all[0]));
        assert_eq!(order(&book, &all), ["2.2.2.2:1", "3.3.3.3:1", "1.1.1.1:1?"]);
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(trial(&book, all[1]));
        assert_eq!(order(&book, &all), ["3.3.3.3:1", "1.1.1.1:1?", "2.2.2.2:1?"]);
        drop(trial(&book, all[0]));
        assert_eq!(order(&book, &all), ["3.3.3.3:1", "2.2.2.2:1?", "1.1.1.1:1?"]);
        trial(&book, all[1]).succeeded();
        assert_eq!(order(&book, &all), ["2.2.2.2:1", "3.3.3.3:1", "1.1.1.1:1?"]);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(order(&book, &all), ["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
    }

    #[tokio::test]
    async fn a_connection_that_was_of_no_use_is_held_against_its_address_once() {
        let book = Arc::new(AddressBook::default());
        let all = addresses(["1.1.1.1:1", "2.2.2.2:1"]);
        trial(&book, all[0]).succeeded();
        book.doubt_latest();
        assert_eq!(order(&book, &all), ["2.2.2.2:1", "1.1.1.1:1?"]);
        drop(trial(&book, all[1]));
        book.doubt_latest();
        assert_eq!(order(&book, &all), ["1.1.1.1:1?", "2.2.2.2:1?"]);
    }

    #[tokio::test]
    async fn only_so_many_failures_are_remembered() {
        let book = Arc::new(AddressBook::default());
        for port in 1..=1_000 {
            drop(trial(&book, SocketAddr::from(([1, 1, 1, 1], port))));
        }
        assert_eq!(lock(&book.0).failed.len(), MOST);
    }
}
