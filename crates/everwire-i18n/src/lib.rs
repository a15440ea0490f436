//! The texts that a chat's user reads, in English and Russian.
//!
//! The texts stand in `texts/*.ftl`, in the format of [Project Fluent](https://projectfluent.org), which knows each
//! language's plurals; the build script reads them. [`Text`] names them with their variables, so that a text that is not
//! there does not compile.
//!
//! ```
//! use everwire_i18n::{Language, Text, Words};
//!
//! let words = Words::new(Language::of("ru_RU.UTF-8").unwrap_or_default());
//! assert_eq!(words.say(&Text::UnreadLine { count: 3 }), "3 новых сообщения");
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod format;
mod language;
mod localized;
mod reason;
mod text;
mod texts;

pub use language::Language;
pub use localized::Words;
pub use text::Text;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
