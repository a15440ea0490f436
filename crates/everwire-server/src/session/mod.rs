//! Sessions that outlive connections (`everwire.v1`).
//!
//! - [`sessions`](Sessions): all sessions of a server: admits connections, and ends sessions in order
//! - `admission`: from the first frame of a connection to its session
//! - [`handle`](Session): what the application holds
//! - `calls`: sessions whose messages are calls, with the feature of that name
//! - `slot`: what the handle and the task behind it share; `locked`: its mutex
//! - `driver`: the task behind a session, over all its connections
//! - `link`: one connection: reading and writing in batches
//! - `inbox`: what the application has not been given yet
//! - [`watermark`](Watermarks): what a restarted server knows of the sessions before

mod admission;
mod arrival;
#[cfg(feature = "calls")]
mod calls;
mod config;
mod driver;
mod handle;
mod inbox;
mod link;
mod received;
mod sessions;
mod shared;
mod slot;
mod watermark;

pub use config::SessionsConfig;
pub use handle::{Session, SessionSender};
pub use received::Received;
pub use sessions::{Sessions, SessionsStats};
pub use watermark::{WatermarkError, Watermarks};
