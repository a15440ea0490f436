//! The program's say while a connection is made.

use super::Client;
use crate::{AttemptAnswer, Error, Payload, Step};

impl Client {
    /// The oldest step after that one which still waits for an answer; 0 for the first call. Waits until there is one;
    /// `None` after the end. There are steps only with [`Settings::ask_on_open`](crate::Settings::ask_on_open) or
    /// [`Settings::ask_before_attempt`](crate::Settings::ask_before_attempt).
    pub async fn next_step(&self, after: u64) -> Option<Step> {
        self.steps.next(after).await
    }

    /// Answers a [`StepKind::Attempt`](crate::StepKind::Attempt).
    ///
    /// # Errors
    /// [`Error::StepOver`].
    pub fn answer_attempt(&self, step: u64, answer: AttemptAnswer) -> Result<(), Error> {
        self.steps.answer_attempt(step, answer)
    }

    /// Ends an opening: the client is connected, and sends what waits.
    ///
    /// # Errors
    /// [`Error::StepOver`].
    pub fn opening_done(&self, step: u64) -> Result<(), Error> {
        self.steps.opening_done(step)
    }

    /// Refuses a step: the attempt has failed, and the next one comes after the usual delay; `for_good`: the client ends.
    ///
    /// # Errors
    /// [`Error::StepOver`].
    pub fn refuse_step(&self, step: u64, reason: String, for_good: bool) -> Result<(), Error> {
        self.steps.refuse(step, reason, for_good)
    }

    /// Sends a message on the new connection of an opening, and waits until it is written. It has no outcome.
    ///
    /// # Errors
    /// [`Error::StepOver`]: the connection has ended, or its time is up.
    pub async fn opening_send(&self, step: u64, payload: Payload) -> Result<(), Error> {
        self.steps.opening_send(step, payload).await
    }

    /// Waits for the next message on the new connection of an opening. What is not received here is fetched as any other.
    ///
    /// # Errors
    /// [`Error::StepOver`]: the connection has ended, or its time is up.
    pub async fn opening_receive(&self, step: u64) -> Result<Payload, Error> {
        self.steps.opening_receive(step).await
    }
}
