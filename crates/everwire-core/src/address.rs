//! The addresses of a server, and how they did.

use std::{fmt, net::SocketAddr};

/// An address that an opening has tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TriedAddress {
    /// The address of the server, or of the proxy if the connection goes through one.
    pub address: SocketAddr,
    /// The result.
    pub result: AddressResult,
}

/// The result of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressResult {
    /// It was not tried: an opening uses the first address that is connected, even if it fails there afterwards.
    NotTried,
    /// It has not answered yet, or not before another address did.
    Pending,
    /// TCP is connected.
    Connected,
    /// TCP could not be connected, or the opening failed afterwards: the reason, in words.
    Failed(String),
}

impl TriedAddress {
    /// The result of an address.
    pub fn new(address: SocketAddr, result: AddressResult) -> Self {
        Self { address, result }
    }

    /// Returns `true` if TCP is connected to it.
    #[must_use]
    pub fn works(&self) -> bool {
        self.result == AddressResult::Connected
    }
}

/// The address, and behind a colon why it is not connected.
impl fmt::Display for TriedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            AddressResult::NotTried => write!(f, "{}: not tried", self.address),
            AddressResult::Pending => write!(f, "{}: no answer", self.address),
            AddressResult::Connected => write!(f, "{}", self.address),
            AddressResult::Failed(why) => write!(f, "{}: {why}", self.address),
        }
    }
}

/// The addresses that one opening has tried, in the order of the trials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tried(Vec<TriedAddress>);

/// Addresses of which is told. A server with more has enough of them.
const MOST: usize = 64;

impl Tried {
    /// Notes what has come of an address since. That it was not tried says nothing new of one that was.
    pub(crate) fn note(&mut self, tried: TriedAddress) {
        if let Some(known) = self.0.iter_mut().find(|known| known.address == tried.address) {
            if tried.result != AddressResult::NotTried {
                *known = tried;
            }
        } else if self.0.len() < MOST {
            self.0.reserve_exact(1);
            self.0.push(tried);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The one that is connected first, then the others.
    pub(crate) fn list(&self) -> Vec<TriedAddress> {
        let (mut list, others): (Vec<_>, Vec<_>) = self.0.iter().cloned().partition(TriedAddress::works);
        list.extend(others);
        list
    }

    /// Worth an event of its own: there was a choice.
    pub(crate) fn is_choice(&self) -> bool {
        self.0.len() > 1
    }
}

/// What the addresses of a server have said in a row that makes trying again pointless.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressVerdicts {
    known: Tried,
    count: usize,
}

impl AddressVerdicts {
    /// An opening has failed without hope at one of these. Whether another one has not been asked yet: each attempt
    /// starts at another address. One that can't be reached has no say.
    pub(crate) fn leave_hope(&mut self, tried: &Tried) -> bool {
        self.count += 1;
        tried.0.iter().cloned().for_each(|tried| self.known.note(tried));
        let failed = |tried: &TriedAddress| matches!(tried.result, AddressResult::Failed(_));
        self.count < self.known.0.len() && !self.known.0.iter().all(failed)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Addresses on one line.
pub(crate) struct Listed<'a>(pub(crate) &'a [TriedAddress]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tried) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{tried}")?;
        }
        Ok(())
    }
}
