//! What a line typed at a terminal asks for.

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Nothing to do.
    Nothing,
    Say(String),
    /// Send failed lines again.
    Retry,
    Quit,
    Help,
    Unknown(String),
}

pub(super) const HELP: &str =
    "/retry sends failed lines again, /quit leaves, //… sends a line that starts with a slash";

impl Command {
    pub(super) fn of(line: &str) -> Self {
        let line = line.trim();
        match line.strip_prefix('/') {
            None if line.is_empty() => Self::Nothing,
            None => Self::Say(line.to_owned()),
            Some(escaped) if escaped.starts_with('/') => Self::Say(escaped.to_owned()),
            Some("retry" | "r") => Self::Retry,
            Some("quit" | "q" | "exit" | "leave") => Self::Quit,
            Some("help" | "h" | "?") => Self::Help,
            Some(_) => Self::Unknown(line.split_whitespace().next().unwrap_or(line).to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn a_line_is_said_unless_it_is_a_command() {
        assert_eq!(Command::of("hello "), Command::Say("hello".into()));
        assert_eq!(Command::of("  "), Command::Nothing);
        assert_eq!(Command::of("/retry"), Command::Retry);
        assert_eq!(Command::of("/quit"), Command::Quit);
        assert_eq!(Command::of("//etc/passwd"), Command::Say("/etc/passwd".into()));
        assert_eq!(Command::of("/dance now"), Command::Unknown("/dance".into()));
        assert_eq!(Command::of("/?"), Command::Help);
    }
}
