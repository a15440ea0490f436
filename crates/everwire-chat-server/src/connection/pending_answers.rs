//! Answers to pings, each of which says that everything that was said before its ping is stored.

use std::collections::VecDeque;

use bytes::Bytes;

/// The largest number of answers that may wait for posts to be stored: then no more is read from the client. Our own client
/// proves a backlog of any length with twelve pings.
const MOST_WAITING: usize = 16;

/// An answer to a ping.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A pong with the payload of its ping.
    Pong(Bytes),
    /// The text `pong`.
    Text,
}

/// The posts of one member that the history has not answered, and the answers to pings that wait for them. Reading goes on
/// meanwhile, so that what was said in one go is stored in one go, however many pings stand in between.
#[derive(Debug, Default)]
pub(super) struct PendingAnswers {
    posted: u64,
    /// How many of them are stored: they are in order.
    stored: u64,
    /// Behind how many posts each was asked for.
    waiting: VecDeque<(u64, Answer)>,
}

impl PendingAnswers {
    /// A message was given to the history.
    pub(super) fn post(&mut self) {
        self.posted += 1;
    }

    /// `posts` more posts are stored.
    pub(super) fn store(&mut self, posts: usize) {
        self.stored += posts as u64;
        debug_assert!(self.stored <= self.posted, "a post is answered once");
    }

    /// A ping has come, behind everything that was posted.
    pub(super) fn ask(&mut self, answer: Answer) {
        self.waiting.push_back((self.posted, answer));
    }

    /// The next answer that may go out.
    pub(super) fn due(&mut self) -> Option<Answer> {
        let (_, answer) = self.waiting.pop_front_if(|(behind, _)| *behind <= self.stored)?;
        Some(answer)
    }

    /// Posts that are not stored.
    pub(super) fn pending(&self) -> usize {
        usize::try_from(self.posted - self.stored).unwrap_or(usize::MAX)
    }

    /// An answer waits.
    pub(super) fn holds_answers(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Nothing more is to be asked now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// What is pending is not waited for any more, and nothing is answered.
    pub(super) fn give_up(&mut self) {
        self.stored = self.posted;
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, MOST_WAITING, PendingAnswers};

    fn all_due(pending: &mut PendingAnswers) -> Vec<Answer> {
        std::iter::from_fn(|| pending.due()).collect()
    }

    #[test]
    fn a_ping_is_answered_when_everything_before_it_is_stored_and_waits_for_nothing_behind_it() {
        let mut pending = PendingAnswers::default();
        let pong = |payload: &'static str| Answer::Pong(payload.into());
        pending.ask(pong("at once"));
        assert_eq!(all_due(&mut pending), [pong("at once")]);
        pending.post();
        pending.post();
        pending.ask(pong("two"));
        pending.ask(Answer::Text);
        pending.post();
        pending.ask(pong("three"));
        assert_eq!(all_due(&mut pending), []);
        pending.store(1);
        assert_eq!(all_due(&mut pending), []);
        pending.store(1);
        assert_eq!(all_due(&mut pending), [pong("two"), Answer::Text]);
        pending.store(1);
        assert_eq!((all_due(&mut pending), pending.pending()), (vec![pong("three")], 0));
    }

    #[test]
    fn only_so_many_answers_wait() {
        let mut pending = PendingAnswers::default();
        pending.post();
        for _ in 0..MOST_WAITING {
            assert!(!pending.is_full());
            pending.ask(Answer::Text);
        }
        assert!(pending.is_full());
        pending.give_up();
        assert_eq!((pending.is_full(), pending.pending(), pending.due()), (false, 0, None));
    }
}
