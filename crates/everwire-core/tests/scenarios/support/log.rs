use std::collections::BTreeMap;

use everwire_core::{Attempt, Event, MessageId, Moment, Outcome, Output, State, Undelivered};

/// All outputs, in order, with the time at which they came.
#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<(Moment, Output)>,
}

impl Log {
    pub(crate) fn push(&mut self, at: Moment, output: Output) {
        self.entries.push((at, output));
    }

    pub(crate) fn clear(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.entries).into_iter().map(|(_, output)| output).collect()
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.entries.iter().map(|(_, output)| output)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.outputs().filter(|output| wanted(output)).count()
    }

    /// When the first output of this kind came.
    pub(crate) fn when(&self, wanted: impl Fn(&Output) -> bool) -> Option<Moment> {
        self.entries.iter().find(|(_, output)| wanted(output)).map(|(at, _)| *at)
    }

    pub(crate) fn opens(&self) -> Vec<Attempt> {
        self.outputs()
            .filter_map(|output| if let Output::Open(attempt) = output { Some(*attempt) } else { None })
            .collect()
    }

    pub(crate) fn aborts(&self) -> Vec<Attempt> {
        self.outputs()
            .filter_map(|output| if let Output::Abort(attempt) = output { Some(*attempt) } else { None })
            .collect()
    }

    pub(crate) fn pings(&self) -> usize {
        self.count(|output| matches!(output, Output::Ping(..) | Output::Probe(..)))
    }

    pub(crate) fn readies(&self) -> usize {
        self.count(|output| matches!(output, Output::Ready(_)))
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.outputs()
            .filter_map(|output| if let Output::State(state) = output { Some(state.clone()) } else { None })
            .collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.outputs()
            .filter_map(|output| if let Output::Event(event) = output { Some(event.clone()) } else { None })
            .collect()
    }

    pub(crate) fn delivered(&self) -> Vec<String> {
        self.outputs()
            .filter_map(|output| if let Output::Deliver(messages) = output { Some(messages) } else { None })
            .flatten()
            .map(|message| String::from_utf8_lossy(message.payload()).into_owned())
            .collect()
    }

    /// The outcome of each message. Fails if one has two.
    pub(crate) fn outcomes(&self) -> BTreeMap<u64, Outcome> {
        let mut outcomes = BTreeMap::new();
        for output in self.outputs() {
            if let Output::Outcome { first, last, outcome } = output {
                assert!(first <= last, "an empty range");
                for id in first.0..=last.0 {
                    let before = outcomes.insert(id, *outcome);
                    assert_eq!(before, None, "message {id} has a second outcome: {outcome:?}");
                }
            }
        }
        outcomes
    }

    pub(crate) fn outcome(&self, id: MessageId) -> Option<Outcome> {
        self.outcomes().get(&id.0).copied()
    }

    pub(crate) fn written(&self) -> Vec<(u64, u64)> {
        self.outputs()
            .filter_map(
                |output| {
                    if let Output::Written { first, last } = output { Some((first.0, last.0)) } else { None }
                },
            )
            .collect()
    }

    /// What the end left, checked to have come once and last.
    pub(crate) fn finished(&self) -> Option<&Undelivered> {
        let position = self.outputs().position(|output| matches!(output, Output::Finished(_)))?;
        assert_eq!(position + 1, self.entries.len(), "something came after the end");
        match &self.entries[position].1 {
            Output::Finished(left) => Some(left),
            _ => None,
        }
    }
}
