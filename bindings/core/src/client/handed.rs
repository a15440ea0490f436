//! What was handed out and not confirmed yet.

use std::collections::VecDeque;

/// Items with their positions, counted from 1. They stay until the reader says, by coming back, that they have arrived: a
/// batch that was lost on its way to another language is handed out again.
#[derive(Debug)]
pub(super) struct Handed<T> {
    items: VecDeque<T>,
    /// Position of the last item that was confirmed.
    confirmed: u64,
}

impl<T> Default for Handed<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), confirmed: 0 }
    }
}

impl<T: Clone> Handed<T> {
    /// Everything up to this position has arrived. One beyond what was handed out counts as that.
    pub(super) fn confirm(&mut self, taken: u64) {
        let news = taken.saturating_sub(self.confirmed);
        let count = usize::try_from(news).unwrap_or(usize::MAX).min(self.items.len());
        self.items.drain(..count);
        self.confirmed += count as u64;
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn add(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
    }

    /// The first of those that are not confirmed, and the position of the last one of them.
    pub(super) fn first<U: From<T>>(&self, max: usize) -> (Vec<U>, u64) {
        let count = max.min(self.items.len());
        let items = self.items.iter().take(count).cloned().map(U::from).collect();
        (items, self.confirmed + count as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Handed;

    #[test]
    fn what_was_not_confirmed_is_handed_out_again_and_nothing_twice_that_was() {
        let mut handed = Handed::<u32>::default();
        handed.add([1, 2, 3]);
        assert_eq!(handed.first::<u32>(2), (vec![1, 2], 2));
        handed.confirm(0);
        assert_eq!(handed.first::<u32>(2), (vec![1, 2], 2), "lost on its way");
        handed.confirm(1);
        assert_eq!(handed.first::<u32>(9), (vec![2, 3], 3), "half of it arrived");
        handed.confirm(1);
        handed.confirm(99);
        assert_eq!((handed.first::<u32>(9), handed.confirmed()), ((vec![], 3), 3));
    }
}
