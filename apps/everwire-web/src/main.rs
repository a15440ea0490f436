//! The chat's page.
//!
//! - [`rows`]: what stands in the list, line by line; [`window`]: which of it is in the document; [`keyed`]: how the document
//!   comes from one list to the next; [`unread`]: what is new; [`links`]: addresses in a text; [`colours`]: of people. Pure, and
//!   tested anywhere.
//! - `app`: from the name that somebody gives to the rooms that are shown; `account`: signing in
//! - `rooms`, `room`: the rooms' clients, and what the screen knows of them; `presence`: whether somebody is at the page
//! - `alerts`: what tells somebody who does not look that there is something new
//! - `network`: whether the browser says that there is none
//! - `who`: who is here, in all tabs; `left`: what tabs that were closed have left unsent
//! - `frames`: when the screen is drawn; `view`: its parts; `dom`: the document beneath
//! - [`storage`]: what the page keeps in the browser; [`action`]: what its buttons ask for
//! - `browser`: what only a browser knows: the time zone, the address, who looks
//!
//! Data flows one way: an event or the client changes a room, the room asks for a frame, and in that frame each part of the
//! screen compares what is with what it has shown.
//!
//! `cargo xtask page` builds it; `everwire serve` serves it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
// Elsewhere the pure parts are only tested.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

#[cfg(target_arch = "wasm32")]
mod account;
mod action;
#[cfg(target_arch = "wasm32")]
mod alerts;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
mod colours;
#[cfg(target_arch = "wasm32")]
mod dom;
#[cfg(target_arch = "wasm32")]
mod frames;
mod keyed;
#[cfg(target_arch = "wasm32")]
mod left;
mod links;
#[cfg(target_arch = "wasm32")]
mod network;
#[cfg(target_arch = "wasm32")]
mod presence;
#[cfg(target_arch = "wasm32")]
mod room;
#[cfg(target_arch = "wasm32")]
mod rooms;
mod rows;
mod storage;
mod unread;
#[cfg(target_arch = "wasm32")]
mod view;
#[cfg(target_arch = "wasm32")]
mod who;
mod window;

#[cfg(target_arch = "wasm32")]
fn main() {
    // Where a panic is a trap, nobody would hear it.
    if !cfg!(panic = "immediate-abort") {
        console_error_panic_hook::set_once();
    }
    app::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is the chat's page, for browsers: build it with `cargo xtask page`");
}
