//! The texts of each language in one string, as the build script has written it: in the order of the list. Such a string is
//! small, and nothing of it is read before it is said.

use std::fmt::Write;
use std::str::Chars;

use crate::format::{CHOICE, END, END_OF_CHOICE, FEW, LONE_CHOICE, LONE_VARIABLE, ONE, THEN, VARIABLE};
use crate::{Language, Text};

/// From here to [`AFTER`] is a word of its own, written in whatever direction it is (Unicode's FSI).
pub(crate) const BEFORE: char = '\u{2068}';
/// The end of such a word (PDI).
pub(crate) const AFTER: char = '\u{2069}';

/// What is filled into a text.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Number(u64),
    Words(&'a str),
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// Says a text in a language, which may begin with a capital letter, unless it begins with what is filled into it.
pub(crate) fn say(text: &Text<'_>, language: Language, is_isolating: bool, has_capital: bool) -> String {
    let texts = match language {
        Language::English => EN,
        Language::Russian => RU,
    };
    let pattern = texts.split(END).nth(text.place()).unwrap_or_default();
    let mut teller =
        Teller { rest: pattern.chars(), said: String::new(), text, language, is_isolating, is_capital: has_capital };
    teller.pattern(true);
    teller.said
}

struct Teller<'a> {
    rest: Chars<'static>,
    said: String,
    text: &'a Text<'a>,
    language: Language,
    is_isolating: bool,
    /// The next letter is the first, and a capital.
    is_capital: bool,
}

impl Teller<'_> {
    /// Reads a pattern up to its end, and says it or not.
    fn pattern(&mut self, is_said: bool) {
        while let Some(c) = self.rest.next() {
            match c {
                END_OF_CHOICE => return,
                VARIABLE | CHOICE if is_said && self.is_isolating => {
                    self.said.push(BEFORE);
                    self.part(c, is_said);
                    self.said.push(AFTER);
                }
                VARIABLE | CHOICE | LONE_VARIABLE | LONE_CHOICE => self.part(c, is_said),
                _ if is_said => {
                    let is_capital = std::mem::take(&mut self.is_capital);
                    self.said.push(if is_capital { capital(c) } else { c });
                }
                _ => {}
            }
        }
    }

    fn part(&mut self, kind: char, is_said: bool) {
        let number = self.rest.next().and_then(|digit| digit.to_digit(10));
        let value = number.and_then(|number| self.text.variable(number as usize));
        if matches!(kind, CHOICE | LONE_CHOICE) {
            return self.choice(value, is_said);
        }
        self.is_capital &= !is_said;
        match value.filter(|_| is_said) {
            Some(Value::Words(words)) => self.said.push_str(words),
            // A `String` takes whatever is written.
            Some(Value::Number(number)) => drop(write!(self.said, "{number}")),
            None => {}
        }
    }

    /// Says the first pattern that fits.
    fn choice(&mut self, value: Option<Value<'_>>, is_said: bool) {
        let mut is_chosen = false;
        while let Some((key, rest)) = self.rest.as_str().split_once(THEN) {
            self.rest = rest.chars();
            let fits = !is_chosen && self.fits(key, value);
            is_chosen |= fits;
            self.pattern(is_said && fits);
            if key.is_empty() {
                return;
            }
        }
    }

    fn fits(&self, key: &str, value: Option<Value<'_>>) -> bool {
        match (key, value) {
            ("", _) => true,
            (ONE, Some(Value::Number(number))) => self.language.is_one(number),
            (FEW, Some(Value::Number(number))) => self.language.is_few(number),
            (key, Some(Value::Number(number))) => key.parse() == Ok(number),
            (_, Some(Value::Words(_)) | None) => false,
        }
    }
}

/// Of the letters that the texts are written in: all of Unicode's would be most of what a page has to load for this.
fn capital(letter: char) -> char {
    match letter {
        'a'..='z' | 'а'..='я' => char::from_u32(u32::from(letter) - 32).unwrap_or(letter),
        'ё' => 'Ё',
        other => other,
    }
}

/// How a language counts, as far as its texts tell numbers apart: CLDR's categories `one` and `few`.
impl Language {
    fn is_one(self, count: u64) -> bool {
        match self {
            Self::English => count == 1,
            Self::Russian => count % 10 == 1 && count % 100 != 11,
        }
    }

    fn is_few(self, count: u64) -> bool {
        self == Self::Russian && (2..=4).contains(&(count % 10)) && !(12..=14).contains(&(count % 100))
    }
}

impl From<u8> for Value<'_> {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(words: &'a str) -> Self {
        Self::Words(words)
    }
}

#[cfg(test)]
mod tests {
    use super::capital;

    #[test]
    fn each_letter_has_its_capital() {
        for (small, large) in ('а'..='я').chain(['ё']).zip(('А'..='Я').chain(['Ё'])) {
            assert_eq!(capital(small), large);
        }
        for small in 'a'..='z' {
            assert_eq!(capital(small), small.to_ascii_uppercase());
        }
        assert_eq!(["4", "“", "Q"].map(|other| capital(other.chars().next().expect("one"))), ['4', '“', 'Q']);
    }
}
