//! Numbers for the facade `metrics`, with the feature of that name; without it, nothing.
//!
//! - `names`: each metric, its unit and what it means
//! - `handles`: the ways to the recorder, looked up once
//! - `meter`: what the driver tells, batch by batch
//! - `tally`: what is counted under the client's mutex, as plain numbers
//! - `off`: the same without the feature: types without content, functions without code

#[cfg(feature = "metrics")]
mod handles;
#[cfg(feature = "metrics")]
mod meter;
#[cfg(feature = "metrics")]
mod names;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod tally;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Meter, Tally};
#[cfg(feature = "metrics")]
pub(crate) use self::{meter::Meter, tally::Tally};
