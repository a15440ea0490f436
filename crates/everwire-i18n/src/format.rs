//! How the build script writes the texts of a language into one string. It includes this file.

/// Ends a text.
pub(crate) const END: char = '\u{0}';
/// A variable: its digit follows.
pub(crate) const VARIABLE: char = '\u{1}';
/// A choice: its variable's digit follows, and then what is to be chosen from: what it fits, [`THEN`], its pattern and
/// [`END_OF_CHOICE`]. The last fits always, and says so by nothing.
pub(crate) const CHOICE: char = '\u{2}';
pub(crate) const THEN: char = '\u{3}';
pub(crate) const END_OF_CHOICE: char = '\u{4}';
/// The same as [`VARIABLE`] and [`CHOICE`] where nothing else is in the pattern: what stands alone needs no marks.
pub(crate) const LONE_VARIABLE: char = '\u{5}';
pub(crate) const LONE_CHOICE: char = '\u{6}';
/// What a choice fits, beside numbers in digits: CLDR's categories `one` and `few`.
pub(crate) const ONE: &str = "o";
pub(crate) const FEW: &str = "f";
