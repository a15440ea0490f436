use std::collections::VecDeque;

/// What has arrived and is not acknowledged, in order.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Positions, each with the call that holds it up.
    waiting: VecDeque<(u64, Option<u64>)>,
}

impl Acks {
    pub(super) fn arrived(&mut self, position: u64) {
        self.waiting.push_back((position, None));
    }

    /// What has arrived there is not acknowledged before this call is done.
    pub(super) fn hold(&mut self, position: u64, id: u64) {
        if let Ok(at) = self.waiting.binary_search_by_key(&position, |(position, _)| *position)
            && let Some((_, holds)) = self.waiting.get_mut(at)
        {
            *holds = Some(id);
        }
    }

    /// The call holds up nothing any more.
    pub(super) fn done(&mut self, id: u64) {
        if let Some((_, holds)) = self.waiting.iter_mut().find(|(_, holds)| *holds == Some(id)) {
            *holds = None;
        }
    }

    /// Whether something can be acknowledged.
    pub(super) fn is_due(&self) -> bool {
        matches!(self.waiting.front(), Some((_, None)))
    }

    /// Up to where everything is done, if that is further than before, and how many messages those are.
    pub(super) fn advance(&mut self) -> Option<(u64, usize)> {
        let mut done = None;
        while let Some((position, None)) = self.waiting.front() {
            done = Some((*position, done.map_or(1, |(_, count): (u64, usize)| count.saturating_add(1))));
            self.waiting.pop_front();
        }
        done
    }
}
