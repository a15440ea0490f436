//! The colours and styles of the screen, for dark and light terminals and without colours.

use ratatui::style::{Color, Modifier, Style};

/// The colours of one kind of terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dark,
    Light,
    Plain,
}

/// The colours that keep the names of users apart.
const NAMES_DARK: [Color; 6] =
    [Color::Cyan, Color::Magenta, Color::Green, Color::Yellow, Color::LightBlue, Color::LightRed];
const NAMES_LIGHT: [Color; 6] = [
    Color::Indexed(24),
    Color::Indexed(90),
    Color::Indexed(22),
    Color::Indexed(94),
    Color::Indexed(18),
    Color::Indexed(124),
];

impl Theme {
    pub(crate) const DARK: Self = Self { kind: Kind::Dark };
    pub(crate) const LIGHT: Self = Self { kind: Kind::Light };
    /// No colours at all: words, marks and positions carry all meaning.
    pub(crate) const PLAIN: Self = Self { kind: Kind::Plain };

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green, Color::Indexed(28))
    }

    pub(super) fn waiting(self) -> Style {
        self.coloured(Color::Yellow, Color::Indexed(94))
    }

    pub(super) fn bad(self) -> Style {
        self.coloured(Color::LightRed, Color::Indexed(160)).add_modifier(Modifier::BOLD)
    }

    pub(super) fn faint(self) -> Style {
        match self.kind {
            Kind::Dark => Style::new().fg(Color::Indexed(245)),
            Kind::Light => Style::new().fg(Color::Indexed(242)),
            Kind::Plain => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// The first and the last line of the screen.
    pub(super) fn bar(self) -> Style {
        match self.kind {
            Kind::Dark => Style::new().bg(Color::Indexed(236)).fg(Color::Indexed(252)),
            Kind::Light => Style::new().bg(Color::Indexed(254)).fg(Color::Indexed(236)),
            Kind::Plain => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A message of the user, or of others.
    pub(super) fn bubble(self, own: bool) -> Style {
        match (self.kind, own) {
            (Kind::Dark, true) => Style::new().bg(Color::Indexed(23)).fg(Color::Indexed(255)),
            (Kind::Dark, false) => Style::new().bg(Color::Indexed(237)).fg(Color::Indexed(253)),
            (Kind::Light, true) => Style::new().bg(Color::Indexed(194)).fg(Color::Indexed(16)),
            (Kind::Light, false) => Style::new().bg(Color::Indexed(255)).fg(Color::Indexed(16)),
            (Kind::Plain, _) => Style::new(),
        }
    }

    /// Time and status within a bubble.
    pub(super) fn meta(self, own: bool) -> Style {
        match self.kind {
            Kind::Dark => self.bubble(own).fg(Color::Indexed(248)),
            Kind::Light => self.bubble(own).fg(Color::Indexed(240)),
            Kind::Plain => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// The mark of a message that was read.
    pub(super) fn read(self) -> Style {
        match self.kind {
            Kind::Dark => self.bubble(true).fg(Color::Indexed(81)),
            Kind::Light => self.bubble(true).fg(Color::Indexed(26)),
            Kind::Plain => Style::new(),
        }
    }

    /// The name of a user, always in the same colour.
    pub(super) fn name(self, user_id: &str) -> Style {
        let names = match self.kind {
            Kind::Dark => NAMES_DARK,
            Kind::Light => NAMES_LIGHT,
            Kind::Plain => return self.strong(),
        };
        let sum = user_id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.strong().fg(names[sum % names.len()])
    }

    /// The line above the first message that was not seen.
    pub(super) fn unread(self) -> Style {
        self.coloured(Color::LightRed, Color::Indexed(160))
    }

    /// What is chosen: a room, a message.
    pub(super) fn chosen(self) -> Style {
        match self.kind {
            Kind::Dark | Kind::Light => self.bar().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Kind::Plain => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    fn coloured(self, dark: Color, light: Color) -> Style {
        match self.kind {
            Kind::Dark => Style::new().fg(dark),
            Kind::Light => Style::new().fg(light),
            Kind::Plain => Style::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::Theme;

    #[test]
    fn without_colours_there_are_none() {
        let theme = Theme::PLAIN;
        let all = [theme.good(), theme.waiting(), theme.bad(), theme.faint(), theme.bar(), theme.bubble(true)];
        let more = [theme.meta(false), theme.read(), theme.name("a"), theme.unread(), theme.chosen(), theme.strong()];
        for style in all.into_iter().chain(more) {
            assert_eq!((style.fg, style.bg), (Style::new().fg, Style::new().bg));
        }
    }

    #[test]
    fn a_user_keeps_their_colour() {
        assert_eq!(Theme::DARK.name("ana"), Theme::DARK.name("ana"));
        assert!(Theme::DARK.name("ana") != Theme::DARK.name("ben"));
    }
}
