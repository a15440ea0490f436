//! Sets of ids that are mostly neighbours, as `[first, last]` pairs.

/// The pairs of ids that come in ascending order.
pub(crate) fn collect(ids: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges
}

/// Whether ascending pairs have an id.
pub(crate) fn contain(ranges: &[(u64, u64)], id: u64) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < id);
    ranges.get(at).is_some_and(|(first, _)| *first <= id)
}

/// Whether these are pairs in ascending order.
pub(crate) fn are_ordered(ranges: &[(u64, u64)]) -> bool {
    ranges.iter().all(|(first, last)| first <= last) && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_pairs_that_have_exactly_these() {
        let ids = [1, 2, 3, 7, 9, 10];
        let ranges = collect(ids.into_iter());
        assert_eq!(ranges, [(1, 3), (7, 7), (9, 10)]);
        assert!(are_ordered(&ranges));
        assert!((0..12).all(|id| contain(&ranges, id) == ids.contains(&id)));
        assert!(!are_ordered(&[(3, 2)]) && !are_ordered(&[(1, 4), (4, 5)]));
    }
}
