//! Several servers as `docs/cluster.md` shows them: by its settings, and behind its balancers.
//!
//! | module | what |
//! |---|---|
//! | `backup` | an older backup is put back |
//! | `balancer` | nginx and HAProxy with the document's own settings |
//! | `broker` | one nats-server |
//! | `chat` | any node for any member |
//! | `cut_off` | a node that the brokers do not reach |
//! | `doctor` | `everwire doctor --cluster` |
//! | `guide` | settings of brokers and nodes, units, and containers |
//! | `held` | posts that wait, and a node that is restarted |
//! | `node` | one node, and raw members |
//! | `sessions` | sessions find their server again by a key in the address |
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod backup;
mod balancer;
mod broker;
mod chat;
mod cut_off;
mod doctor;
mod guide;
mod held;
mod node;
mod sessions;
