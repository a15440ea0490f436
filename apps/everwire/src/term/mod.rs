//! The terminal and the standard streams: what may be shown, how it looks, where it goes.

mod console;
mod full_screen;
mod lines;
mod painter;
mod printable;
mod replies;
mod screen;
mod signals;
mod style;
mod time;

pub(crate) use console::{Console, Gone};
pub(crate) use full_screen::FullScreen;
pub(crate) use lines::{BadInput, Lines, chunk};
pub(crate) use printable::{printable, printable_line};
pub(crate) use screen::{Screen, Typed};
pub(crate) use signals::Stop;
pub(crate) use style::{Look, Tone, complain, look};
pub(crate) use time::{clock, local_zone, short};

/// Gives the terminal back as it was; harmless if it was never taken.
fn restore() {
    screen::restore();
    full_screen::restore();
}
