//! Several servers as `docs/cluster.md` shows them: by its settings, and behind its balancers.
//!
//! | module | what |
//! |---|---|
//! | `backup` | an older backup is put back |
//! | `balancer` | nginx and HAProxy with the document's own settings |
//! | `broker` | one nats-server |
//! | `chat` | any node for any member |
//! | `doctor` | `everwire doctor --cluster` |
//! | `guide` | settings of brokers and nodes, and units |
//! | `sessions` | sessions find their server again by a key in the address |
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod backup;
mod balancer;
mod broker;
mod chat;
mod doctor;
mod guide;
mod sessions;
