//! The terminal and the standard streams: text that is safe to print, its style, and input and output.

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

/// Restores the terminal; does nothing if it was never taken over.
fn restore() {
    screen::restore();
    full_screen::restore();
}
