//! The whole terminal as a screen, and its input.

use std::io::{self, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture, Event, EventStream, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use crossterm::style::Print;
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use futures_util::StreamExt;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use tokio::time::sleep_until;

use super::replies::Replies;

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal was asked to tell Shift+Enter from Enter.
static KEYS: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode with the alternate screen, until this is dropped; a panic restores it before it is printed.
#[derive(Debug)]
pub(crate) struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    events: EventStream,
    /// Separates the terminal's own replies from the keys.
    replies: Replies,
}

impl FullScreen {
    /// # Errors
    /// If the terminal can't be put into raw mode or written to.
    pub(crate) fn open() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let opened = Self::enter();
        if opened.is_err() {
            restore();
        }
        opened
    }

    fn enter() -> io::Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange,
            cursor::SetCursorStyle::SteadyBar
        )?;
        if terminal::supports_keyboard_enhancement().unwrap_or(false) {
            KEYS.store(true, Ordering::SeqCst);
            execute!(io::stdout(), PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES))?;
        }
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { terminal, events: EventStream::new(), replies: Replies::default() })
    }

    /// Paints what has changed.
    pub(crate) fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint).map(drop)
    }

    /// Rings the terminal's bell.
    pub(crate) fn ring(&mut self) -> io::Result<()> {
        execute!(io::stdout(), Print('\u{7}'))
    }

    /// The next key, mouse or focus event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.replies.next() {
                return Ok(event);
            }
            let deadline = self.replies.deadline();
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.replies.take(event?, Instant::now()),
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                },
                () = async { sleep_until(deadline.unwrap_or_else(Instant::now).into()).await }, if deadline.is_some() => {
                    self.replies.give_up();
                }
            }
        }
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal; does nothing if it was never taken over.
pub(super) fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    if KEYS.swap(false, Ordering::SeqCst) {
        let _ = execute!(out, PopKeyboardEnhancementFlags);
    }
    let _ = execute!(
        out,
        cursor::SetCursorStyle::DefaultUserShape,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = terminal::disable_raw_mode();
}
