//! A terminal with an input line below the printed lines.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEventKind, KeyModifiers,
};
use crossterm::{execute, terminal};
use futures_util::StreamExt;
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::painter::{Live, Painter};

/// The longest typed line, in bytes; a longer paste is cut.
const MAX_TYPED: usize = 64 << 10;
/// The most typed lines that are kept for the arrow keys.
const MAX_HISTORY: usize = 200;

static RAW: AtomicBool = AtomicBool::new(false);

/// What the user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Enter.
    Line(String),
    /// The line changed; whether it is blank now.
    Edited { blank: bool },
    /// Ctrl-D on an empty line, or the terminal was closed.
    End,
    /// Ctrl-C.
    Interrupt,
}

/// The terminal is in raw mode while this lives.
#[derive(Debug)]
pub(crate) struct Screen {
    keys: EventStream,
    input: Input,
    history: History,
    painter: Painter,
    rows: Vec<String>,
    prompt: String,
    /// Pasted lines that were not returned yet.
    pasted: std::collections::VecDeque<String>,
}

impl Screen {
    /// # Errors
    /// If the terminal can't be put into raw mode.
    pub(crate) fn open(prompt: impl Into<String>) -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        RAW.store(true, Ordering::SeqCst);
        // Without bracketed paste, a paste is a burst of keys, which works too.
        let _ = execute!(io::stdout(), EnableBracketedPaste);
        Ok(Self {
            keys: EventStream::new(),
            input: Input::default(),
            history: History::default(),
            painter: Painter::default(),
            rows: Vec::new(),
            prompt: prompt.into(),
            pasted: std::collections::VecDeque::new(),
        })
    }

    /// Prints finished lines above the live rows. Their only control characters may be line breaks and colours.
    pub(crate) fn print(&mut self, lines: &[String]) -> io::Result<()> {
        self.paint(lines)
    }

    /// Replaces the rows between the finished lines and the line that is being typed.
    pub(crate) fn set_rows(&mut self, rows: Vec<String>) -> io::Result<()> {
        if rows == self.rows {
            return Ok(());
        }
        self.rows = rows;
        self.paint(&[])
    }

    /// The user's next action. Cancel-safe.
    pub(crate) async fn next(&mut self) -> io::Result<Typed> {
        loop {
            if let Some(line) = self.pasted.pop_front() {
                return Ok(Typed::Line(line));
            }
            let event = match self.keys.next().await {
                None => return Ok(Typed::End),
                Some(event) => event?,
            };
            if let Some(typed) = self.on(&event) {
                self.paint(&[])?;
                return Ok(typed);
            }
        }
    }

    fn on(&mut self, event: &Event) -> Option<Typed> {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => None,
            Event::Key(key) => match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
                (KeyCode::Char('c'), true) => Some(Typed::Interrupt),
                (KeyCode::Char('d'), true) if self.input.value().is_empty() => Some(Typed::End),
                (KeyCode::Char('l'), true) => {
                    let _ = execute!(
                        io::stdout(),
                        terminal::Clear(terminal::ClearType::All),
                        crossterm::cursor::MoveTo(0, 0)
                    );
                    self.painter = Painter::default();
                    Some(self.edited())
                }
                (KeyCode::Enter, _) => {
                    let line = self.input.value_and_reset();
                    self.history.add(&line);
                    Some(Typed::Line(line))
                }
                (KeyCode::Up, _) => self.recall(History::older),
                (KeyCode::Down, _) => self.recall(History::newer),
                _ if self.input.value().len() >= MAX_TYPED && matches!(key.code, KeyCode::Char(_)) => None,
                _ => self.input.handle_event(event).map(|_| self.edited()),
            },
            Event::Paste(text) => {
                self.paste(text);
                Some(self.edited())
            }
            Event::Resize(..) => Some(self.edited()),
            _ => None,
        }
    }

    /// Enters each whole line of a paste; the text after the last line break stays in the input line.
    fn paste(&mut self, text: &str) {
        let mut lines = text.split(['\n', '\r']).peekable();
        while let Some(line) = lines.next() {
            for c in line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()) {
                if self.input.value().len() >= MAX_TYPED {
                    break;
                }
                self.input.handle(InputRequest::InsertChar(c));
            }
            if lines.peek().is_some() {
                let line = self.input.value_and_reset();
                if !line.is_empty() {
                    self.pasted.push_back(line);
                }
            }
        }
    }

    fn recall(&mut self, pick: fn(&mut History, &str) -> Option<String>) -> Option<Typed> {
        let line = pick(&mut self.history, self.input.value())?;
        self.input = Input::new(line);
        Some(self.edited())
    }

    fn edited(&self) -> Typed {
        Typed::Edited { blank: self.input.value().trim().is_empty() }
    }

    fn paint(&mut self, finished: &[String]) -> io::Result<()> {
        let width = width();
        let room = width.saturating_sub(unicode_width::UnicodeWidthStr::width(self.prompt.as_str()) + 1).max(1);
        let scroll = self.input.visual_scroll(room);
        let live = Live {
            rows: self.rows.clone(),
            prompt: self.prompt.clone(),
            typed: visible(self.input.value(), scroll, room),
            cursor: self.input.visual_cursor().saturating_sub(scroll).min(room),
        };
        let bytes = self.painter.paint(finished, &live, width);
        let mut out = io::stdout().lock();
        out.write_all(bytes.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(self.painter.wipe(width()).as_bytes());
        let _ = out.flush();
        drop(out);
        restore();
    }
}

/// Restores the terminal; does nothing if it was never taken over.
pub(super) fn restore() {
    if RAW.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}

fn width() -> usize {
    terminal::size().map_or(80, |(columns, _)| usize::from(columns)).max(2)
}

/// The columns of `text` from `from`, at most `room` of them.
fn visible(text: &str, from: usize, room: usize) -> String {
    let mut column = 0;
    let mut out = String::new();
    for c in text.chars() {
        let width = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if column >= from && column + width <= from + room {
            out.push(c);
        }
        column += width;
    }
    out
}

/// Lines that were typed, for the arrow keys.
#[derive(Debug, Default)]
struct History {
    lines: Vec<String>,
    /// The index in `lines` of the line that is shown; `lines.len()` is the new line.
    at: usize,
    /// The unfinished new line while another one is shown.
    draft: String,
}

impl History {
    fn add(&mut self, line: &str) {
        if !line.trim().is_empty() && self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
            if self.lines.len() > MAX_HISTORY {
                self.lines.remove(0);
            }
        }
        self.at = self.lines.len();
    }

    fn older(&mut self, shown: &str) -> Option<String> {
        if self.at == self.lines.len() {
            shown.clone_into(&mut self.draft);
        }
        self.at = self.at.checked_sub(1)?;
        self.lines.get(self.at).cloned()
    }

    fn newer(&mut self, _shown: &str) -> Option<String> {
        if self.at == self.lines.len() {
            return None;
        }
        self.at += 1;
        Some(self.lines.get(self.at).cloned().unwrap_or_else(|| std::mem::take(&mut self.draft)))
    }
}

#[cfg(test)]
mod tests {
    use super::{History, visible};

    #[test]
    fn a_long_line_shows_the_part_around_the_cursor() {
        assert_eq!(visible("abcdef", 0, 10), "abcdef");
        assert_eq!(visible("abcdef", 2, 3), "cde");
        assert_eq!(visible("世界abc", 2, 3), "界a");
    }

    #[test]
    fn arrows_walk_through_what_was_typed_and_back_to_the_draft() {
        let mut history = History::default();
        for line in ["one", "two", "two", " "] {
            history.add(line);
        }
        assert_eq!(history.older("draft").as_deref(), Some("two"));
        assert_eq!(history.older("two").as_deref(), Some("one"));
        assert_eq!(history.older("one"), None);
        assert_eq!(history.newer("one").as_deref(), Some("two"));
        assert_eq!(history.newer("two").as_deref(), Some("draft"));
        assert_eq!(history.newer("draft"), None);
    }
}
