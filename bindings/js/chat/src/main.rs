//! The chat client behind `everwire/chat`. The package alone calls it (`bindings/js/src/chat.js`); its API is not public.
//!
//! - `room`: one user in one room
//! - `shown`: what of it goes to JavaScript, as JSON

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

#[cfg(target_arch = "wasm32")]
mod room;
#[cfg(target_arch = "wasm32")]
mod shown;

fn main() {}
