//! The chat on a whole terminal.
//!
//! - [`app`]: the loop: keys, chat events, timers
//! - [`rooms`]: the rooms that were joined, each with its client
//! - [`model`]: everything that is shown, and what each key asks for
//! - [`room`], [`draft`], [`link`]: a room, what is being written in it, its connection
//! - [`paint`], [`blocks`], [`scroll`], [`theme`]: how it is painted

mod app;
mod blocks;
mod draft;
mod link;
mod model;
mod paint;
mod room;
mod rooms;
mod scroll;
mod theme;

#[cfg(test)]
mod tests;

pub(super) use app::{ListRooms, Settings, run};
pub(super) use theme::Theme;
