//! The whole screen, top down: title, rooms, messages, who types or a note to the user, what is being written.

use std::time::Instant;

use everwire_chat::{Entry, Missing};
use everwire_i18n::Text;
use jiff::civil::Date;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::blocks::{Context, Renderer};
use super::model::{Model, Panel};
use super::room::Room;
use super::scroll::Blocks;
use crate::chat::{fitted, short_name};

/// The most rows of the text area.
const WRITING: u16 = 4;

/// The present time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) today: Date,
}

pub(super) fn paint(frame: &mut Frame<'_>, model: &mut Model, now: Now) {
    let rows = model.room().draft.rows(frame.area().width.saturating_sub(2)).clamp(1, WRITING);
    let tabs = u16::from(model.rooms.len() > 1);
    let todo = model.rooms[model.active].link.todo(&model.words);
    // The layout shows as many of its lines as leave room for the messages.
    let todo = todo.map_or_else(Vec::new, |todo| wrapped(&todo, frame.area().width));
    let [title, advice, tabs, list, typing, writing] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Max(u16::try_from(todo.len()).unwrap_or(u16::MAX)),
        Constraint::Length(tabs),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(rows + 1),
    ])
    .areas(frame.area());
    paint_title(frame, model, title, now.instant);
    frame.render_widget(Paragraph::new(todo).style(model.theme.bad()), advice);
    paint_tabs(frame, model, tabs);
    paint_list(frame, model, list, now.today);
    paint_typing(frame, model, typing);
    paint_writing(frame, model, writing);
    if let Some(panel) = model.panel {
        paint_panel(frame, model, panel);
    }
}

/// A sentence in lines that are as wide as the screen.
fn wrapped(text: &str, width: u16) -> Vec<Line<'static>> {
    let lines = textwrap::wrap(text, usize::from(width.saturating_sub(2).max(1)));
    lines.into_iter().map(|line| Line::from(format!(" {line}"))).collect()
}

fn paint_title(frame: &mut Frame<'_>, model: &mut Model, area: Rect, now: Instant) {
    let (theme, bar) = (model.theme, model.theme.bar());
    let room = &model.rooms[model.active];
    let waiting = room.sending().count() as u64;
    let state = fitted(&room.link.say(&model.words, now), usize::from(area.width).saturating_sub(3));
    let mut left = vec![
        Span::styled(" ● ", bar.patch(room.link.style(theme))),
        Span::styled(state, bar.patch(room.link.style(theme))),
    ];
    if waiting > 0 && !room.link.is_connected() {
        left.push(Span::styled(format!(" · {}", model.words.say(&Text::Waiting { count: waiting })), bar));
    }
    let here = model.words.say(&Text::Here { count: room.users.len() as u64 });
    let right = match room.link.is_connected() && room.knows_users() {
        true => format!("{} · {here} ", short_name(&room.name)),
        false => format!("{} ", short_name(&room.name)),
    };
    frame.render_widget(Block::new().style(bar), area);
    let used: usize = left.iter().map(|span| span.content.width()).sum();
    frame.render_widget(Line::from(left), area);
    let width = right.width().min(usize::from(area.width).saturating_sub(used + 1));
    let width = u16::try_from(width).unwrap_or(area.width);
    let right_area = Rect { x: area.right().saturating_sub(width), width, ..area };
    frame.render_widget(Line::styled(right, bar), right_area);
}

fn paint_tabs(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    model.places.tabs.clear();
    if area.height == 0 {
        return;
    }
    let mut x = area.x;
    for (at, room) in model.rooms.iter().enumerate() {
        let unread = match room.unread_count() {
            0 => String::new(),
            count if room.is_mentioned_in_unread() => format!(" ({count} @)"),
            count => format!(" ({count})"),
        };
        let text = format!(" {} {}{unread} ", at + 1, short_name(&room.name));
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(area.right().saturating_sub(x));
        let tab = Rect { x, width, ..area };
        let style = match (at == model.active, unread.is_empty()) {
            (true, _) => model.theme.chosen(),
            (false, true) => model.theme.faint(),
            (false, false) => model.theme.unread(),
        };
        frame.render_widget(Line::styled(text, style), tab);
        model.places.tabs.push(tab);
        x += width;
    }
}

/// The messages of a room as blocks of lines.
struct List<'a> {
    room: &'a Room,
    renderer: Renderer<'a>,
    unread: Option<(usize, u64)>,
}

impl Blocks for List<'_> {
    fn count(&self) -> usize {
        self.room.entries.len()
    }

    fn id(&self, at: usize) -> &str {
        &self.room.entries[at].id
    }

    fn lines(&self, at: usize) -> Vec<Line<'static>> {
        let entry = &self.room.entries[at];
        let place = Context {
            above: at.checked_sub(1).map(|above| &self.room.entries[above]),
            unread: self.unread.filter(|(from, _)| *from == at).map_or(0, |(_, count)| count),
            gap: entry.missing.filter(|_| at > 0),
            chosen: self.room.chosen.as_ref() == Some(&entry.id),
            mentions_me: self.room.is_mentioned(entry),
        };
        let mut lines = if at == 0 { self.head() } else { Vec::new() };
        lines.extend(self.renderer.message(entry, place));
        lines.extend(self.notices(Some(&entry.id)));
        lines
    }
}

impl List<'_> {
    fn notices(&self, below: Option<&String>) -> impl Iterator<Item = Line<'static>> {
        let notices = self.room.notices.iter().filter(move |notice| notice.below.as_ref() == below);
        notices.map(|notice| self.renderer.notice(&notice.text))
    }

    /// The lines above the first message.
    fn head(&self) -> Vec<Line<'static>> {
        let first = match self.room.entries.first() {
            None if self.room.link.is_connected() => Some(Text::EmptyRoom),
            None => None,
            Some(_) if self.room.loading => Some(Text::EarlierLoading),
            Some(Entry { missing: Some(Missing::Unloaded { .. }), .. }) => Some(Text::EarlierLeftOut),
            Some(Entry { missing: Some(Missing::Gone { .. }), .. }) => Some(Text::EarlierGone),
            Some(Entry { offset: Some(1), .. }) => Some(Text::EarlierNone),
            Some(_) => None,
        };
        let first = first.map(|text| self.renderer.notice(&self.renderer.words.say(&text)));
        first.into_iter().chain(self.notices(None)).collect()
    }
}

fn paint_list(frame: &mut Frame<'_>, model: &mut Model, area: Rect, today: Date) {
    model.places.list = area;
    model.room().open();
    let up = std::mem::take(&mut model.places.up);
    let room = &model.rooms[model.active];
    let renderer =
        Renderer { words: &model.words, theme: model.theme, zone: &model.zone, width: usize::from(area.width), today };
    let list = List { room, renderer, unread: room.unread() };
    let height = usize::from(area.height);
    let view = room.scroll.view(&list, up, height);
    let mut lines = view.lines;
    let (top, is_top) = (view.top, view.is_top);
    if list.count() == 0 {
        lines = list.head();
        lines.drain(..lines.len().saturating_sub(height));
    }
    // A short list is at the bottom.
    let empty = height.saturating_sub(lines.len());
    lines.splice(0..0, std::iter::repeat_n(Line::default(), empty));
    let scroll = view.scroll;
    frame.render_widget(Paragraph::new(lines), area);

    model.places.newest = None;
    model.room().scroll = scroll;
    model.room().top = top;
    model.room().is_top = is_top;
    let room = &model.rooms[model.active];
    if !room.scroll.is_newest() {
        let below = room.unread_below();
        let text = match below {
            0 => format!(" ↓ {} ", model.words.say(&Text::Newest)),
            count => format!(" ↓ {} ", model.words.say(&Text::UnreadLine { count })),
        };
        let width = u16::try_from(text.width()).unwrap_or(area.width).min(area.width);
        let place = Rect { x: area.right() - width, y: area.bottom().saturating_sub(1), width, height: 1 };
        frame.render_widget(Line::styled(text, model.theme.bar()), place);
        model.places.newest = Some(place);
    }
}

fn paint_typing(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let room = &model.rooms[model.active];
    let names: Vec<String> = room.typing.iter().map(|name| short_name(name)).collect();
    let line = match (&model.note, names.as_slice()) {
        (Some(note), _) => Line::styled(fitted(&format!(" {note}"), usize::from(area.width)), model.theme.waiting()),
        (None, []) => Line::default(),
        (None, [first, rest @ ..]) => {
            let second = rest.first().map_or("", String::as_str);
            let (count, others) = (names.len() as u64, rest.len() as u64);
            let typing = format!(" {}", model.words.say(&Text::Typing { count, first, second, others }));
            Line::styled(fitted(&typing, usize::from(area.width)), model.theme.faint())
        }
    };
    frame.render_widget(line, area);
}

fn paint_writing(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    let (theme, faint) = (model.theme, model.theme.faint());
    let (has_panel, words) = (model.panel.is_some(), model.words);
    let draft = &mut model.room().draft;
    let border = Block::new().borders(Borders::TOP).border_style(faint);
    let inner = border.inner(area);
    frame.render_widget(border, area);
    let [prompt, text] = Layout::horizontal([Constraint::Length(2), Constraint::Min(1)]).areas(inner);
    frame.render_widget(Line::styled("› ", theme.strong()), prompt);
    // One column is left for the cursor before it.
    let placeholder = fitted(&words.say(&Text::WriteHere), usize::from(text.width).saturating_sub(1));
    draft.area.set_placeholder_text(placeholder);
    draft.area.set_placeholder_style(faint);
    frame.render_widget(&draft.area, text);
    if !has_panel {
        // The terminal's own cursor is moved too: input methods and screen readers follow it.
        let cursor = draft.area.screen_cursor();
        let (top, left) = draft.area.scroll_offset();
        let (row, column) = (cursor.row.saturating_sub(top.into()), cursor.col.saturating_sub(left.into()));
        let x = text.x.saturating_add(u16::try_from(column).unwrap_or(0)).min(text.right().saturating_sub(1));
        let y = text.y.saturating_add(u16::try_from(row).unwrap_or(0)).min(text.bottom().saturating_sub(1));
        frame.set_cursor_position((x, y));
    }
}

fn paint_panel(frame: &mut Frame<'_>, model: &Model, panel: Panel) {
    let words = &model.words;
    let (title, lines) = match panel {
        Panel::Help => {
            let text = format!("{}\n\n{}", words.say(&Text::HelpKeys), words.say(&Text::HelpCommands));
            (words.say(&Text::HelpTitle), text.lines().map(|line| Line::from(line.to_owned())).collect::<Vec<_>>())
        }
        Panel::Rooms => {
            let lines = model.listed.iter().map(|listed| {
                let what = match listed.is_closed {
                    true => words.say(&Text::MembersOnly),
                    false => words.say(&Text::InRoom { count: listed.here }),
                };
                let mut line = Line::styled(short_name(&listed.room), model.theme.strong());
                line.push_span(Span::styled(format!("  {what}"), model.theme.faint()));
                line
            });
            (words.say(&Text::Rooms), lines.collect())
        }
        Panel::Who => {
            let room = &model.rooms[model.active];
            let me = format!("{} ({})", short_name(&room.me.user_name), words.say(&Text::You));
            let mut lines = vec![Line::styled(me, model.theme.strong())];
            for user in &room.users {
                let mut line = Line::styled(short_name(&user.user_name), model.theme.name(&user.user_id));
                if user.away {
                    line.push_span(Span::styled(format!(" ({})", words.say(&Text::Away)), model.theme.faint()));
                }
                lines.push(line);
            }
            if room.users.is_empty() && room.knows_users() {
                lines.push(Line::styled(words.say(&Text::Nobody), model.theme.faint()));
            }
            (words.say(&Text::Who), lines)
        }
    };
    let close = words.say(&Text::HelpClose);
    let width = lines.iter().map(Line::width).max().unwrap_or(0).max(close.width() + 2) + 4;
    let area = centred(frame.area(), width, lines.len() + 2);
    let block = Block::bordered()
        .title(format!(" {title} "))
        .title_bottom(Line::styled(format!(" {close} "), model.theme.faint()))
        .title_alignment(Alignment::Center);
    frame.render_widget(Clear, area);
    let inner = block.inner(area).inner(ratatui::layout::Margin::new(1, 0));
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
}

fn centred(area: Rect, width: usize, height: usize) -> Rect {
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
