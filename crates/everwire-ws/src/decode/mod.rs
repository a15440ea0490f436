//! From bytes to messages, as they arrive.
//!
//! A message whose only frame is wholly there (nearly all are) is copied or lent out in one step; any other is put together in
//! a [`Partial`](partial::Partial), which checks text as it arrives.

mod decoder;
mod inflated;
mod input;
mod partial;
mod single_frame;
mod text;

pub(crate) use decoder::Decoder;
pub(crate) use input::release_buffer;
