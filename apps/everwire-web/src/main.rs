//! The chat's page.
//!
//! - [`rows`]: the rows of the list; [`window`]: which of them are in the document; [`keyed`]: how the document is updated;
//!   [`unread`]: where the unread messages begin; [`links`]: addresses in a text; [`colours`]: of users. Pure, and tested on any
//!   machine.
//! - `app`: asks for a name or a password, then shows the rooms; `account`: signing in
//! - `rooms`, `room`: the rooms' clients and their state for the screen; `presence`: whether the user is away
//! - `alerts`: notifications, sound and badge
//! - `network`: whether the browser reports that there is no network
//! - `who`: the user, the same in all tabs; `left`: sends what closed tabs have left unsent
//! - `frames`: when the screen is drawn; `view`: its parts; `dom`: the document beneath
//! - [`storage`]: what the page stores in the browser; [`action`]: what its buttons do
//! - `browser`: the browser's functions
//!
//! Data flows one way: an event or the client changes a room, the room requests a frame, and in that frame each part of the
//! screen compares its state with what it has shown.
//!
//! `cargo xtask page` builds it; `everwire serve` serves it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
// On other targets the pure parts are only tested.
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
    // In a build where a panic is a trap, a hook would never be called.
    if !cfg!(panic = "immediate-abort") {
        console_error_panic_hook::set_once();
    }
    app::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is the chat's page, for browsers: build it with `cargo xtask page`");
}
