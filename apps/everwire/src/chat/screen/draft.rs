//! What is being written in a room: the text area, its history, and when others are told of the typing.

use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use everwire_chat::limits;
use everwire_chat::mention::{self, Completion};
use everwire_chat::signal::TypingSignal;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// The most own messages that are kept for the arrow keys.
const MAX_HISTORY: usize = 100;

pub(super) struct Draft {
    pub(super) area: TextArea<'static>,
    pub(super) signal: TypingSignal,
    history: Vec<String>,
    /// The index in `history` of the message that is shown; its length if none is.
    at: usize,
    /// The unfinished text while a message of `history` is shown.
    kept: String,
    /// The last completion, until another key than Tab.
    completed: Option<Completed>,
}

/// A name that was completed; another Tab replaces it by the next candidate.
struct Completed {
    candidates: Vec<String>,
    at: usize,
    /// The row and the column where it begins; it and `length` are in characters.
    start: (usize, usize),
    length: usize,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            area: area(""),
            signal: TypingSignal::default(),
            history: Vec::new(),
            at: 0,
            kept: String::new(),
            completed: None,
        }
    }
}

impl Draft {
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub(super) fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// The number of rows that the text needs at this width.
    pub(super) fn rows(&self, columns: u16) -> u16 {
        let rows = |line: &String| textwrap::wrap(line, usize::from(columns.max(1))).len().max(1);
        self.area.lines().iter().map(rows).sum::<usize>().try_into().unwrap_or(u16::MAX)
    }

    /// Takes the text out, and adds it to the history.
    pub(super) fn take(&mut self) -> String {
        let text = self.text();
        self.area = area("");
        self.completed = None;
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            if self.history.len() == MAX_HISTORY {
                self.history.remove(0);
            }
            self.history.push(text.clone());
        }
        self.at = self.history.len();
        text
    }

    /// Restores a text that could not be sent, unless another one was begun.
    pub(super) fn put_back(&mut self, text: &str) {
        if self.is_blank() {
            self.area = area(text);
        }
    }

    /// The number of bytes that can still be written.
    fn room(&self) -> usize {
        limits::TEXT_BYTES.saturating_sub(self.text().len())
    }

    /// Handles a key that writes or moves; returns what to tell others about the typing.
    pub(super) fn on_key(&mut self, key: KeyEvent, now: Instant) -> Option<bool> {
        self.completed = None;
        let control = key.modifiers == KeyModifiers::CONTROL;
        let newline = key.code == KeyCode::Enter || (key.code == KeyCode::Char('j') && control);
        match key.code {
            _ if newline => {
                if self.room() > 0 {
                    self.area.insert_newline();
                }
            }
            KeyCode::Char('u') if control => self.clear_line(),
            KeyCode::Char('z') if control => drop(self.area.undo()),
            KeyCode::Up if self.area.cursor().0 == 0 => self.older(),
            KeyCode::Down if self.area.cursor().0 + 1 == self.area.lines().len() => self.newer(),
            KeyCode::Char(_) if self.room() == 0 => return None,
            _ => {
                self.area.input(Event::Key(key));
            }
        }
        self.signal.on_edit(self.is_blank(), now)
    }

    /// Completes the name before the cursor by the first candidate, and after that by the next one or the previous one;
    /// returns what to tell others about the typing.
    pub(super) fn complete(&mut self, names: &[&str], backwards: bool, now: Instant) -> Option<bool> {
        let completed = match self.completed.take() {
            Some(Completed { candidates, at, start, length }) => {
                let step = if backwards { candidates.len().saturating_sub(1) } else { 1 };
                let at = (at + step) % candidates.len().max(1);
                Completed { candidates, at, start, length }
            }
            None => self.completion(names)?,
        };
        let Completed { candidates, at, start: (row, column), length } = completed;
        let name = format!("{} ", candidates.get(at)?);
        if name.len() > self.room() {
            return None;
        }
        let to = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        self.area.cancel_selection();
        self.area.move_cursor(CursorMove::Jump(to(row), to(column)));
        self.area.delete_str(length);
        self.area.insert_str(&name);
        let length = name.chars().count();
        self.completed = Some(Completed { candidates, at, start: (row, column), length });
        self.signal.on_edit(self.is_blank(), now)
    }

    fn completion(&self, names: &[&str]) -> Option<Completed> {
        let cursor = self.area.cursor();
        let before: String = self.area.lines().get(cursor.0)?.chars().take(cursor.1).collect();
        let Completion { start, candidates, .. } = mention::complete(&before, names)?;
        let column = before[..start].chars().count();
        Some(Completed { candidates, at: 0, start: (cursor.0, column), length: cursor.1 - column })
    }

    fn clear_line(&mut self) {
        self.area.cancel_selection();
        self.area.move_cursor(CursorMove::End);
        self.area.delete_line_by_head();
    }

    /// Selects the whole text, so that the next key replaces it.
    pub(super) fn select_all(&mut self) {
        self.area.select_all();
    }

    /// Inserts pasted text as one draft, cut at the longest message.
    pub(super) fn on_paste(&mut self, text: &str, now: Instant) -> Option<bool> {
        self.completed = None;
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
        assert_eq!(press(&mut draft, KeyCode::Char('a')), Some(true), "others are told after the first character");
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
    fn control_u_clears_the_line_and_control_z_brings_it_back() {
        let mut draft = Draft::default();
        let control =
            |draft: &mut Draft, c| draft.on_key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL), Instant::now());
        write(&mut draft, "first");
        press(&mut draft, KeyCode::Enter);
        write(&mut draft, "second");
        press(&mut draft, KeyCode::Home);
        assert_eq!(control(&mut draft, 'u'), None, "something is left");
        assert_eq!(draft.text(), "first\n", "wherever the cursor stands");
        control(&mut draft, 'z');
        assert_eq!(draft.text(), "first\nsecond");
        for _ in 0..3 {
            control(&mut draft, 'u');
        }
        assert!(draft.is_blank(), "{:?}", draft.text());
    }

    #[test]
    fn a_name_is_completed_and_the_next_one_takes_its_place() {
        let names = ["Ana Lima", "Andrei", "Ben"];
        let mut draft = Draft::default();
        let tab = |draft: &mut Draft, backwards| draft.complete(&names, backwards, Instant::now());
        write(&mut draft, "да @an");
        for (backwards, text) in
            [(false, "да @Ana Lima "), (false, "да @Andrei "), (false, "да @Ana Lima "), (true, "да @Andrei ")]
        {
            tab(&mut draft, backwards);
            assert_eq!(draft.text(), text);
        }
        write(&mut draft, "hi be");
        tab(&mut draft, false);
        assert_eq!(draft.text(), "да @Andrei hi @Ben ");
        tab(&mut draft, false);
        write(&mut draft, "x");
        tab(&mut draft, false);
        assert_eq!(draft.text(), "да @Andrei hi @Ben x", "there is nothing to complete");
    }

    #[test]
    fn typing_replaces_the_selected_text() {
        let mut draft = Draft::default();
        write(&mut draft, "/dance");
        draft.select_all();
        write(&mut draft, "/q");
        assert_eq!(draft.text(), "/q");
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
    fn a_paste_is_written_without_control_characters() {
        let mut draft = Draft::default();
        draft.on_paste("a\r\nb\u{1b}[31m\tc", Instant::now());
        assert_eq!(draft.text(), "a\nb[31m    c");
    }
}
