//! Paints a terminal: finished lines scroll up like those of any program, and below them are the live rows, which are painted
//! again at each change. Pure: returns the bytes to write.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The part below the finished lines: some rows, then the line that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Live {
    /// Without control characters except colours; the painter cuts them to the terminal's width.
    pub(crate) rows: Vec<String>,
    pub(crate) prompt: String,
    /// The visible part of what is typed.
    pub(crate) typed: String,
    /// The cursor's column within `typed`.
    pub(crate) cursor: usize,
}

#[derive(Debug, Default)]
pub(super) struct Painter {
    /// The live part as painted last: the columns of each row above the cursor, and the cursor's column.
    painted: Option<(Vec<usize>, usize)>,
}

impl Painter {
    /// Writes `finished` lines above, and `live` below.
    pub(super) fn paint(&mut self, finished: &[String], live: &Live, width: usize) -> String {
        let width = width.max(2);
        let mut out = self.wipe(width);
        for line in finished {
            out.push_str(&line.replace('\n', "\r\n"));
            out.push_str("\r\n");
        }
        let mut columns = Vec::with_capacity(live.rows.len());
        for row in &live.rows {
            let (row, used) = cut(row, width - 1);
            columns.push(used);
            out.push_str(&row);
            out.push_str("\r\n");
        }
        out.push_str(&live.prompt);
        out.push_str(&live.typed);
        let column = live.prompt.width() + live.cursor;
        out.push('\r');
        if column > 0 {
            let _ = write!(out, "\x1b[{column}C");
        }
        self.painted = Some((columns, column));
        out
    }

    /// Erases the live part. A terminal that was made narrower meanwhile has wrapped its rows, which is taken into account.
    pub(super) fn wipe(&mut self, width: usize) -> String {
        let Some((columns, cursor)) = self.painted.take() else {
            return String::new();
        };
        let width = width.max(2);
        let above: usize = columns.iter().map(|columns| columns.div_ceil(width).max(1)).sum();
        match above + cursor / width {
            0 => "\r\x1b[J".to_owned(),
            rows => format!("\r\x1b[{rows}A\x1b[J"),
        }
    }
}

/// The first `width` columns of `row` at most, and their number. Colour sequences have no width, and are ended if the row is
/// cut.
fn cut(row: &str, width: usize) -> (String, usize) {
    let mut out = String::with_capacity(row.len());
    let mut used = 0;
    let mut rest = row.chars();
    let mut coloured = false;
    while let Some(c) = rest.next() {
        if c == '\x1b' {
            coloured = true;
            out.push(c);
            for c in rest.by_ref() {
                out.push(c);
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
            continue;
        }
        let columns = c.width().unwrap_or(0);
        if used + columns > width {
            if coloured {
                out.push_str("\x1b[0m");
            }
            break;
        }
        used += columns;
        out.push(c);
    }
    (out, used)
}

#[cfg(test)]
mod tests {
    use super::{Live, Painter, cut};

    fn live(rows: &[&str], typed: &str) -> Live {
        Live {
            rows: rows.iter().map(|&row| row.to_owned()).collect(),
            prompt: "> ".into(),
            typed: typed.into(),
            cursor: typed.len(),
        }
    }

    #[test]
    fn a_finished_line_goes_above_what_is_being_typed_and_leaves_it_as_it_is() {
        let mut painter = Painter::default();
        assert_eq!(painter.paint(&[], &live(&["state"], "hel"), 80), "state\r\n> hel\r\x1b[5C");
        let next = painter.paint(&["12:00 ben: hi\n  there".into()], &live(&["state"], "hel"), 80);
        assert_eq!(next, "\r\x1b[1A\x1b[J12:00 ben: hi\r\n  there\r\nstate\r\n> hel\r\x1b[5C");
    }

    #[test]
    fn wiping_leaves_nothing_and_is_done_once() {
        let mut painter = Painter::default();
        assert_eq!(painter.wipe(80), "");
        painter.paint(&[], &live(&[], ""), 80);
        assert_eq!(painter.wipe(80), "\r\x1b[J");
        assert_eq!(painter.wipe(80), "");
    }

    #[test]
    fn rows_that_a_narrower_terminal_has_wrapped_are_wiped_too() {
        let mut painter = Painter::default();
        painter.paint(&[], &live(&["0123456789", ""], "abc"), 80);
        assert_eq!(
            painter.wipe(4),
            "\r\x1b[5A\x1b[J",
            "three for the first row, one for the empty, one for the prompt"
        );
    }

    #[test]
    fn rows_never_wrap() {
        assert_eq!(cut("世界 abc", 5), ("世界 ".into(), 5));
        assert_eq!(cut("世界", 3), ("世".into(), 2));
        assert_eq!(cut("\x1b[32mgreen\x1b[0m", 5), ("\x1b[32mgreen\x1b[0m".into(), 5));
        assert_eq!(cut("\x1b[32mgreen", 3), ("\x1b[32mgre\x1b[0m".into(), 3));
        assert_eq!(Painter::default().paint(&[], &live(&["12345"], ""), 3), "12\r\n> \r\x1b[2C");
    }
}
