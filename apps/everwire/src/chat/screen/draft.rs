//! What is being written in a room: an area of lines, the earlier ones, and when others are told.

use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use everwire_chat::limits;
use everwire_chat::signal::TypingSignal;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// So many of one's own messages are kept for the arrow keys.
const MAX_HISTORY: usize = 100;

pub(super) struct Draft {
    pub(super) area: TextArea<'static>,
    pub(super) signal: TypingSignal,
    history: Vec<String>,
    /// Which of `history` is shown; its length: none.
    at: usize,
    kept: String,
}

impl Default for Draft {
    fn default() -> Self {
        Self { area: area(""), signal: TypingSignal::default(), history: Vec::new(), at: 0, kept: String::new() }
    }
}

impl Draft {
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub(super) fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Rows that it takes on so many columns.
    pub(super) fn rows(&self, columns: u16) -> u16 {
        let rows = |line: &String| textwrap::wrap(line, usize::from(columns.max(1))).len().max(1);
        self.area.lines().iter().map(rows).sum::<usize>().try_into().unwrap_or(u16::MAX)
    }

    /// Takes what was written; the area is empty then.
    pub(super) fn take(&mut self) -> String {
        let text = self.text();
        self.area = area("");
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            if self.history.len() == MAX_HISTORY {
                self.history.remove(0);
            }
            self.history.push(text.clone());
        }
        self.at = self.history.len();
        text
    }

    /// Gives back what could not be sent.
    pub(super) fn put_back(&mut self, text: &str) {
        if self.is_blank() {
            self.area = area(text);
        }
    }

    /// Bytes that can still be written.
    fn room(&self) -> usize {
        limits::TEXT_BYTES.saturating_sub(self.text().len())
    }

    /// A key that writes or moves; what others are to be told.
    pub(super) fn on_key(&mut self, key: KeyEvent, now: Instant) -> Option<bool> {
        let newline =
            key.code == KeyCode::Enter || (key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL);
        match key.code {
            _ if newline => {
                if self.room() > 0 {
                    self.area.insert_newline();
                }
            }
            KeyCode::Up if self.area.cursor().0 == 0 => self.older(),
            KeyCode::Down if self.area.cursor().0 + 1 == self.area.lines().len() => self.newer(),
            KeyCode::Char(_) if self.room() == 0 => return None,
            _ => {
                self.area.input(Event::Key(key));
            }
        }
        self.signal.on_edit(self.is_blank(), now)
    }

    /// Text that was pasted: all of it is one draft, cut where it is too long.
    pub(super) fn on_paste(&mut self, text: &str, now: Instant) -> Option<bool> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        let mut room = self.room();
        let fitting = text.chars().filter(|c| *c == '\n' || !c.is_control()).take_while(|c| {
            let fits = c.len_utf8() <= room;
            room = room.saturating_sub(c.len_utf8());
            fits
        });
        self.area.insert_str(fitting.collect::<String>());
        self.signal.on_edit(self.is_blank(), now)
    }

    fn older(&mut self) {
        if self.at == self.history.len() {
            self.kept = self.text();
        }
        if let Some(at) = self.at.checked_sub(1) {
            self.at = at;
            self.area = area(&self.history[at]);
        }
    }

    fn newer(&mut self) {
        if self.at < self.history.len() {
            self.at += 1;
            self.area = area(self.history.get(self.at).unwrap_or(&self.kept));
        }
    }
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_cursor_line_style(ratatui::style::Style::new());
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use everwire_chat::limits;

    use super::Draft;

    fn press(draft: &mut Draft, code: KeyCode) -> Option<bool> {
        draft.on_key(KeyEvent::new(code, KeyModifiers::NONE), Instant::now())
    }

    fn write(draft: &mut Draft, text: &str) {
        for c in text.chars() {
            press(draft, KeyCode::Char(c));
        }
    }

    #[test]
    fn several_lines_are_one_message() {
        let mut draft = Draft::default();
        assert_eq!(press(&mut draft, KeyCode::Char('a')), Some(true), "others are told at the first character");
        press(&mut draft, KeyCode::Enter);
        write(&mut draft, "b");
        assert_eq!(draft.take(), "a\nb");
        assert!(draft.is_blank());
    }

    #[test]
    fn arrows_walk_through_what_was_written_and_back() {
        let mut draft = Draft::default();
        for text in ["one", "two"] {
            write(&mut draft, text);
            draft.take();
        }
        write(&mut draft, "new");
        for (key, text) in [
            (KeyCode::Up, "two"),
            (KeyCode::Up, "one"),
            (KeyCode::Up, "one"),
            (KeyCode::Down, "two"),
            (KeyCode::Down, "new"),
            (KeyCode::Down, "new"),
        ] {
            press(&mut draft, key);
            assert_eq!(draft.text(), text);
        }
    }

    #[test]
    fn a_draft_never_grows_beyond_what_can_be_sent() {
        let mut draft = Draft::default();
        draft.on_paste(&"я".repeat(limits::TEXT_BYTES), Instant::now());
        assert_eq!(draft.text().len(), limits::TEXT_BYTES);
        write(&mut draft, "x");
        press(&mut draft, KeyCode::Enter);
        assert_eq!(draft.text().len(), limits::TEXT_BYTES);
    }

    #[test]
    fn a_paste_is_written_without_what_controls_a_terminal() {
        let mut draft = Draft::default();
        draft.on_paste("a\r\nb\u{1b}[31m\tc", Instant::now());
        assert_eq!(draft.text(), "a\nb[31m    c");
    }
}
