use std::fmt;
use std::str::FromStr;

/// A language there are texts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English, which is also what is shown where nothing else is known.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// The language of a locale as systems and browsers name them: `ru`, `ru-RU`, `ru_RU.UTF-8`. `None` if there are no
    /// texts in it.
    #[must_use]
    pub fn of(locale: &str) -> Option<Self> {
        let language = locale.split(['-', '_', '.', '@']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| known.code().eq_ignore_ascii_case(language))
    }

    /// Its code (ISO 639-1), as in the `lang` attribute of HTML.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    /// Its name in itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::of(text).ok_or("there are texts in 'en' and 'ru'")
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_locale_is_understood_however_it_is_written() {
        for locale in ["ru", "RU", "ru-RU", "ru_RU.UTF-8", "ru@latin"] {
            assert_eq!(Language::of(locale), Some(Language::Russian), "{locale}");
        }
        assert_eq!(Language::of("en-GB"), Some(Language::English));
        for locale in ["", "C", "POSIX", "rue_XX", "de_DE"] {
            assert_eq!(Language::of(locale), None, "{locale}");
        }
    }
}
