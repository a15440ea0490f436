//! How names look.

use everwire_chat_core::limits::shows;
use unicode_security::skeleton;

/// The same for names that people can't tell apart (UTS 39, section 4): with letters of other scripts, other spaces, or what
/// nobody sees.
pub(crate) fn look(name: &str) -> String {
    let seen: String = name.chars().filter(|&c| c.is_whitespace() || shows(c)).collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    skeleton(&words.join(" ")).collect()
}
