use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::stats::Stats;

/// How many connections there are, in all and from where.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    most: usize,
    most_per_address: Option<usize>,
    emptied: Notify,
    stats: Stats,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Kept only where there is a limit; bounded by `all`.
    by_network: HashMap<IpAddr, usize>,
}

/// One connection's place, until dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    places: Arc<Places>,
    network: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// The server is full.
    Full,
    /// The address has as many connections as one may have.
    Address,
}

impl Places {
    pub(super) fn new(most: usize, most_per_address: Option<usize>, stats: Stats) -> Self {
        Self { taken: Mutex::default(), most, most_per_address, emptied: Notify::new(), stats }
    }

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionSlot, NoPlace> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(NoPlace::Full);
        }
        let network = self.most_per_address.map(|_| network(address));
        if let (Some(network), Some(most)) = (network, self.most_per_address) {
            let count = taken.by_network.get(&network).copied().unwrap_or(0);
            if count >= most {
                return Err(NoPlace::Address);
            }
            taken.by_network.insert(network, count + 1);
        }
        taken.all += 1;
        self.stats.opened();
        Ok(ConnectionSlot { places: Arc::clone(self), network })
    }

    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    /// Resolves once no place is taken. Cancel-safe.
    pub(super) async fn emptied(&self) {
        let mut emptied = std::pin::pin!(self.emptied.notified());
        loop {
            emptied.as_mut().enable();
            if self.taken() == 0 {
                return;
            }
            emptied.as_mut().await;
            emptied.set(self.emptied.notified());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(network) = self.network
            && let Some(count) = taken.by_network.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_network.remove(&network);
            }
        }
        let empty = taken.all == 0;
        drop(taken);
        self.places.stats.ended();
        if empty {
            self.places.emptied.notify_waiters();
        }
    }
}

/// What one peer commands: an IPv4 address, or the first 64 bits of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{NoPlace, Places};
    use crate::Stats;

    fn places(most: usize, each: Option<usize>) -> Arc<Places> {
        Arc::new(Places::new(most, each, Stats::default()))
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_gone() {
        let places = places(2, None);
        let address = "10.0.0.1".parse().unwrap();
        let (first, _second) = (places.take(address).unwrap(), places.take(address).unwrap());
        assert_eq!(places.take(address).unwrap_err(), NoPlace::Full);
        drop(first);
        assert!(places.take(address).is_ok());
    }

    #[test]
    fn each_address_has_its_own_limit_and_an_ipv6_network_counts_as_one() {
        let places = places(10, Some(1));
        let of = |address: &str| places.take(address.parse().unwrap());
        let _first = of("10.0.0.1").unwrap();
        assert_eq!(of("10.0.0.1").unwrap_err(), NoPlace::Address);
        assert_eq!(of("::ffff:10.0.0.1").unwrap_err(), NoPlace::Address, "the same address, written as IPv6");
        let _other = of("10.0.0.2").unwrap();
        let _sixth = of("2001:db8:1:2:3::1").unwrap();
        assert_eq!(of("2001:db8:1:2:ffff::9").unwrap_err(), NoPlace::Address);
        assert!(of("2001:db8:1:3::1").is_ok());
        assert_eq!(places.taken.lock().unwrap().by_network.len(), 3, "nothing is kept of who has gone");
    }
}
