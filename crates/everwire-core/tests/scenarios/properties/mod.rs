//! Properties that hold whatever happens.

mod anything;
mod backoff;
mod model;
mod outbox;
