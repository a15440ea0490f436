//! The chat's page.
//!
//! - [`rows`]: what stands in the list, line by line; [`links`]: addresses in a text. Pure, and tested anywhere.
//! - `room`: one room's client and what the screen knows of it
//! - `account`: signing in
//! - `app`: from the name that somebody gives to the rooms that are shown
//! - `view`: the screen's parts
//! - `browser`: what only a browser knows: the time zone, what was kept, who looks
//!
//! `cargo xtask page` builds it; `everwire serve` serves it.

// The types that `component` makes of a function's arguments.
#![cfg_attr(target_arch = "wasm32", allow(unreachable_pub))]
// Elsewhere the pure parts are only tested.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

#[cfg(target_arch = "wasm32")]
mod account;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
mod links;
#[cfg(target_arch = "wasm32")]
mod room;
mod rows;
#[cfg(target_arch = "wasm32")]
mod view;

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is the chat's page, for browsers: build it with `cargo xtask page`");
}
