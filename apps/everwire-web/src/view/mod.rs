//! The screen's parts. Each takes its piece of the page's templates, shows what is, and touches only what has changed.
//!
//! - [`Join`]: who are you?
//! - [`Chat`]: everything else, put together
//! - `bar`: where the connection stands; `side`: rooms and people; `list` and `message`: what was said; `composer`: what
//!   is being written, with the `names` that it may go on with

mod anchor;
mod bar;
mod chat;
mod composer;
mod join;
mod list;
mod message;
mod names;
mod side;

pub(crate) use chat::Chat;
pub(crate) use join::Join;
