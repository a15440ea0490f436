//! The terminal and the standard streams: what may be shown, how it looks, where it goes.

mod console;
mod lines;
mod painter;
mod printable;
mod screen;
mod signals;
mod style;
mod time;

pub(crate) use console::{Console, Gone};
pub(crate) use lines::{BadInput, Lines, chunk};
pub(crate) use printable::{printable, printable_line};
pub(crate) use screen::{Screen, Typed};
pub(crate) use signals::Stop;
pub(crate) use style::{Look, Tone, complain, look};
pub(crate) use time::{clock, short};
