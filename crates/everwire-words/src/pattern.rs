use crate::Language;

/// A text, piece by piece, as the build script has read it.
pub(crate) type Pattern = &'static [Part];

/// A piece of a text.
pub(crate) enum Part {
    Words(&'static str),
    /// The variable of that name.
    Variable(&'static str),
    /// The first that fits the variable of that name; the last always does.
    Choice(&'static str, &'static [(Key, Pattern)]),
}

/// What a choice fits.
pub(crate) enum Key {
    Number(u64),
    Plural(Plural),
    Else,
}

/// How a language counts, as far as its texts tell numbers apart (CLDR's categories).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plural {
    One,
    Few,
    Other,
}

/// What is filled into a text.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Number(u64),
    Words(&'a str),
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

impl Language {
    /// Its text of that name.
    pub(crate) fn pattern(self, name: &str) -> Option<Pattern> {
        let texts = match self {
            Self::English => EN,
            Self::Russian => RU,
        };
        let at = texts.binary_search_by_key(&name, |(name, _)| name).ok()?;
        texts.get(at).map(|(_, pattern)| *pattern)
    }

    /// The names of all its texts.
    #[cfg(test)]
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        match self {
            Self::English => EN,
            Self::Russian => RU,
        }
        .iter()
        .map(|(name, _)| *name)
    }

    fn plural(self, count: u64) -> Plural {
        match self {
            Self::English if count == 1 => Plural::One,
            Self::Russian if count % 10 == 1 && count % 100 != 11 => Plural::One,
            Self::Russian if (2..=4).contains(&(count % 10)) && !(12..=14).contains(&(count % 100)) => Plural::Few,
            Self::English | Self::Russian => Plural::Other,
        }
    }
}

impl Key {
    pub(crate) fn fits(&self, value: Value<'_>, language: Language) -> bool {
        match (self, value) {
            (Self::Else, _) => true,
            (Self::Number(number), Value::Number(value)) => *number == value,
            (Self::Plural(plural), Value::Number(value)) => *plural == language.plural(value),
            (Self::Number(_) | Self::Plural(_), Value::Words(_)) => false,
        }
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
