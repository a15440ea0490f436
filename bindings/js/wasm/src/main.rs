//! The client behind the npm package `everwire`: what its JavaScript can't do by itself, in calls that carry many things at
//! once. The package alone calls it (`bindings/js/src/engine.js`); its API is not public.
//!
//! - `engine`: one client
//! - `settings`: what it is built from
//! - `hooks`: what of JavaScript's it calls
//! - `kept`: the outbox's text, where JavaScript keeps it
//! - `pump`: messages and states on their way to JavaScript; `outcomes`: those of messages
//! - `state`: where the client stands, as JSON

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

#[cfg(target_arch = "wasm32")]
mod engine;
#[cfg(target_arch = "wasm32")]
mod hooks;
#[cfg(target_arch = "wasm32")]
mod kept;
#[cfg(target_arch = "wasm32")]
mod outcomes;
#[cfg(target_arch = "wasm32")]
mod pump;
#[cfg(target_arch = "wasm32")]
mod settings;
#[cfg(target_arch = "wasm32")]
mod state;

fn main() {}
