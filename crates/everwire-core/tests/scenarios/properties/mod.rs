//! Properties that hold whatever happens.

mod anything;
mod backoff;
mod change;
mod model;
mod outbox;
mod session;
