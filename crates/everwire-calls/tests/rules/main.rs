//! The rules of `docs/calls.md`, each as a test of an endpoint against a peer that is played frame by frame, or of two endpoints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod bytes;
mod calls;
mod limits;
mod lost;
mod streams;
mod support;
mod vectors;
