//! A set of message numbers, which come mostly one after another.

use std::collections::BTreeMap;

use crate::MessageId;

#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    /// First to last, apart from each other.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    pub(super) fn insert(&mut self, first: MessageId, last: MessageId) {
        let (mut first, mut last) = (first.0, last.0);
        // Those that it touches become part of it.
        while let Some((&start, &end)) = self.ranges.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            self.ranges.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.ranges.insert(first, last);
    }

    /// Takes out those of `first..=last` that are in it, and gives them to `taken`.
    pub(super) fn remove(&mut self, first: MessageId, last: MessageId, mut taken: impl FnMut(MessageId, MessageId)) {
        let (first, last) = (first.0, last.0);
        let before = self.ranges.range(..first).next_back().filter(|(_, end)| **end >= first);
        let mut start = before.map_or(first, |(start, _)| *start);
        while start <= last
            && let Some((&from, &to)) = self.ranges.range(start..=last).next()
        {
            self.ranges.remove(&from);
            if from < first {
                self.ranges.insert(from, first - 1);
            }
            if to > last {
                self.ranges.insert(last + 1, to);
            }
            taken(MessageId(from.max(first)), MessageId(to.min(last)));
            start = to.saturating_add(1);
        }
    }

    pub(super) fn contains(&self, id: MessageId) -> bool {
        self.ranges.range(..=id.0).next_back().is_some_and(|(_, end)| *end >= id.0)
    }

    /// Those of `first..=last` that are in it.
    pub(super) fn within(&self, first: MessageId, last: MessageId) -> impl Iterator<Item = (MessageId, MessageId)> {
        let before = self.ranges.range(..first.0).next_back().filter(|(_, end)| **end >= first.0);
        let inside = self.ranges.range(first.0..=last.0);
        before.into_iter().chain(inside).map(move |(from, to)| (first.max(MessageId(*from)), last.min(MessageId(*to))))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageId, MessageId)> {
        self.ranges.iter().map(|(first, last)| (MessageId(*first), MessageId(*last)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{MessageId, Ranges};

    proptest! {
        #[test]
        fn ranges_agree_with_a_set_of_single_numbers(steps in prop::collection::vec((any::<bool>(), 0..60_u64, 0..12_u64), 0..60)) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (adds, first, more) in steps {
                let last = first + more;
                if adds {
                    ranges.insert(MessageId(first), MessageId(last));
                    model.extend(first..=last);
                } else {
                    let mut taken = BTreeSet::new();
                    ranges.remove(MessageId(first), MessageId(last), |from, to| taken.extend(from.0..=to.0));
                    let expected: BTreeSet<u64> = model.iter().copied().filter(|n| (first..=last).contains(n)).collect();
                    prop_assert_eq!(&taken, &expected);
                    model.retain(|n| !expected.contains(n));
                }
                let all: BTreeSet<u64> = ranges.iter().flat_map(|(from, to)| from.0..=to.0).collect();
                prop_assert_eq!(&all, &model);
                let within: BTreeSet<u64> =
                    ranges.within(MessageId(first), MessageId(last)).flat_map(|(from, to)| from.0..=to.0).collect();
                prop_assert_eq!(within, model.range(first..=last).copied().collect());
                prop_assert!((0..80).all(|n| ranges.contains(MessageId(n)) == model.contains(&n)));
                let list: Vec<_> = ranges.iter().collect();
                prop_assert!(list.windows(2).all(|pair| pair[0].1.0 + 1 < pair[1].0.0), "no two that touch");
            }
        }
    }
}
