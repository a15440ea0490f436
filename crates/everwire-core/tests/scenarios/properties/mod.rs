//! Properties that hold whatever happens.

mod anything;
mod backoff;
mod change;
mod many;
mod model;
mod outbox;
mod session;
