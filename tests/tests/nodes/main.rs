//! Several nodes as `docs/cluster.md` sets them up: with its settings, and behind its balancers.
//!
//! | module | what |
//! |---|---|
//! | `backup` | an older backup is restored |
//! | `balancer` | nginx and HAProxy with the settings of the document |
//! | `broker` | one nats-server as the broker |
//! | `chat` | the chat behind a balancer |
//! | `cut_off` | a node that is cut off from the brokers |
//! | `doctor` | `everwire doctor --cluster` |
//! | `guide` | settings of brokers and nodes, units, and containers |
//! | `held` | posts that a node holds, and a node that is restarted |
//! | `node` | one node, and raw members |
//! | `sessions` | sessions reach their server again by a key in the address |
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
