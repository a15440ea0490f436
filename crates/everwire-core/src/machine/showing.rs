//! The state that users see.

use super::Machine;
use crate::{Output, State, lifecycle::Intent};

impl Machine {
    /// The state that follows from the lifecycle, unless all of it is part of closing.
    pub(in crate::machine) fn show(&mut self, state: State) {
        let closing = matches!(self.intent, Intent::Close { .. });
        self.set_state(if closing { State::Closing } else { state });
    }

    pub(in crate::machine) fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state.clone();
            self.outputs.push(Output::State(state));
        }
    }

    /// What belongs to the state of a connection has changed.
    pub(in crate::machine) fn show_again(&mut self) {
        if self.state == State::Connected {
            self.outputs.push(Output::State(State::Connected));
        }
    }
}
