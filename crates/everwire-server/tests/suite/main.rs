//! The accepting side as foreign clients and raw bytes meet it.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod abuse;
mod ending;
mod places;
mod support;
mod upgrade;
