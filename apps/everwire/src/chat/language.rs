//! The language of the screen, and the colours that suit the terminal's background.

use std::time::Duration;

use everwire_i18n::{Language, Words};
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::screen::Theme;
use crate::args::ThemeArg;

/// The longest wait for the terminal to report its background; then dark is assumed.
const ANSWER: Duration = Duration::from_millis(200);

/// The texts of the language that was asked for, else of the system's.
pub(super) fn words(asked: Option<Language>) -> Words {
    let system = || sys_locale::get_locales().find_map(|locale| Language::of(&locale));
    Words::new(asked.or_else(system).unwrap_or_default())
}

/// Colours that can be read on the terminal.
pub(super) fn theme(asked: ThemeArg, colours: bool) -> Theme {
    match asked {
        _ if !colours => Theme::PLAIN,
        ThemeArg::Dark => Theme::DARK,
        ThemeArg::Light => Theme::LIGHT,
        ThemeArg::Auto => {
            let mut options = QueryOptions::default();
            options.timeout = ANSWER;
            match theme_mode(options) {
                Ok(ThemeMode::Light) => Theme::LIGHT,
                Ok(ThemeMode::Dark) | Err(_) => Theme::DARK,
            }
        }
    }
}
