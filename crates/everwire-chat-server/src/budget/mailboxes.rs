use std::sync::atomic::{AtomicUsize, Ordering};

/// What waits in all mailboxes together. Bounded: beyond half of the bound, a mailbox that has more than an equal share of that
/// half takes nothing more. Those that have less hold no more than the other half, whatever is said.
#[derive(Debug)]
pub(crate) struct MailboxBudget {
    bytes: AtomicUsize,
    mailboxes: AtomicUsize,
    half: usize,
}

impl MailboxBudget {
    pub(crate) fn new(most: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), mailboxes: AtomicUsize::new(0), half: most / 2 }
    }

    /// Bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// One more, empty.
    pub(crate) fn add(&self) {
        self.mailboxes.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes a mailbox, which held `bytes` bytes.
    pub(crate) fn remove(&self, bytes: usize) {
        self.mailboxes.fetch_sub(1, Ordering::Relaxed);
        self.change(bytes, 0);
    }

    /// A mailbox that held `held` bytes holds `holds` bytes now.
    pub(crate) fn change(&self, held: usize, holds: usize) {
        if holds >= held {
            self.bytes.fetch_add(holds - held, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(held - holds, Ordering::Relaxed);
        }
    }

    /// Whether a mailbox that would hold `holds` bytes, `new` of which are new, would take the room of others.
    pub(crate) fn is_too_much(&self, new: usize, holds: usize) -> bool {
        let mailboxes = self.mailboxes.load(Ordering::Relaxed).max(1);
        self.bytes() + new > self.half && holds > self.half / mailboxes
    }
}
