//! The parts of the screen. Each copies its template, shows the present state, and updates only what has changed.
//!
//! - [`Join`]: the form for a name or a password
//! - [`Chat`]: everything else, put together
//! - `bar`: the state of the connection; `side`: rooms and users; `list` and `message`: the messages; `composer`: the text
//!   area, with the `names` that complete a mention

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
