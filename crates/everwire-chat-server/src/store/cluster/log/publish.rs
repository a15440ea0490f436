//! One attempt to append a run, and what the brokers say of it.

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;

use super::queues::SentRun;
use crate::store::cluster::connect::described;

/// The brokers' answer to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::cluster) enum Answer {
    /// Committed; the stream brings it.
    Stored,
    /// Another record stands in its place, or this one already.
    Conflict,
    /// It may be stored or not.
    Unknown,
    /// Nobody will ever take it.
    TooLarge,
}

/// The attempt, to be awaited elsewhere. Cancelled, its outcome is unknown.
pub(super) fn publish(streams: &Context, sent: &SentRun) -> impl Future<Output = Answer> + Send + 'static {
    let (streams, subject) = (streams.clone(), sent.subject.clone());
    let message = PublishMessage::build()
        .payload(sent.payload.clone())
        .expected_stream(&sent.stream)
        .expected_last_subject_sequence(sent.after);
    async move {
        let answer = match streams.send_publish(subject, message).await {
            Ok(answer) => answer.await.map(|_| ()),
            Err(error) => Err(error),
        };
        match answer {
            Ok(()) => Answer::Stored,
            Err(error) => match error.kind() {
                PublishErrorKind::WrongLastSequence => Answer::Conflict,
                PublishErrorKind::MaxPayloadExceeded => Answer::TooLarge,
                _ => {
                    tracing::debug!(error = described(&error), "the outcome of an append is unknown");
                    Answer::Unknown
                }
            },
        }
    }
}
