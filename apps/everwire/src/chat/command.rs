//! Parses what was written at a terminal: a message, or a command that begins with a slash.

/// A written message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Nothing to do.
    Nothing,
    Say(String),
    /// Send failed messages again.
    Retry,
    /// Take back the messages that are still queued.
    Cancel,
    Join(String),
    /// `/join` without a room.
    JoinWhere,
    Part,
    Who,
    /// List the server's rooms.
    Rooms,
    /// Mark everything in this room as read.
    Read,
    Quit,
    Help,
    Unknown(String),
}

impl Command {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let Some(command) = text.strip_prefix('/') else {
            return if text.is_empty() { Self::Nothing } else { Self::Say(text.to_owned()) };
        };
        if command.starts_with('/') {
            return Self::Say(command.to_owned());
        }
        let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match (word, rest.trim()) {
            ("join" | "j", "") => Self::JoinWhere,
            ("join" | "j", room) => Self::Join(room.strip_prefix('#').unwrap_or(room).to_owned()),
            ("retry" | "r", "") => Self::Retry,
            ("cancel", "") => Self::Cancel,
            ("part" | "leave", "") => Self::Part,
            ("who" | "w" | "names", "") => Self::Who,
            ("rooms" | "list", "") => Self::Rooms,
            ("read", "") => Self::Read,
            ("quit" | "q" | "exit", "") => Self::Quit,
            ("help" | "h" | "?", _) => Self::Help,
            _ => Self::Unknown(format!("/{word}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn text_is_a_message_unless_it_is_a_command() {
        assert_eq!(Command::of("hello "), Command::Say("hello".into()));
        assert_eq!(Command::of("two\nlines"), Command::Say("two\nlines".into()));
        assert_eq!(Command::of("  "), Command::Nothing);
        assert_eq!(Command::of("/retry"), Command::Retry);
        assert_eq!(Command::of("/join garden & shed"), Command::Join("garden & shed".into()));
        assert_eq!(Command::of("/join #lobby"), Command::Join("lobby".into()));
        assert_eq!(Command::of("/join"), Command::JoinWhere);
        assert_eq!(Command::of("/quit"), Command::Quit);
        assert_eq!(Command::of("//etc/passwd"), Command::Say("/etc/passwd".into()));
        assert_eq!(Command::of("/dance now"), Command::Unknown("/dance".into()));
        assert_eq!(Command::of("/quit it"), Command::Unknown("/quit".into()), "a word too many is no reason to leave");
        assert_eq!(Command::of("/?"), Command::Help);
        assert_eq!(Command::of("/rooms"), Command::Rooms);
        assert_eq!(Command::of("/names"), Command::Who);
        assert_eq!(Command::of("/read"), Command::Read);
    }
}
