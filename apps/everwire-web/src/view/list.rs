use everwire_words::{Text, Words};
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::message::RowView;
use super::say;
use crate::browser;
use crate::room::Room;
use crate::rows::Row;

/// Nearer to an edge than this, more rows come into the document.
const NEAR: i32 = 600;
/// Nearer to the end than this counts as there.
const AT_END: i32 = 40;

/// What was said. Only a part of it is in the document.
#[component]
pub(super) fn List(room: Room) -> impl IntoView {
    let words = expect_context::<StoredValue<Words>>();
    let node = NodeRef::<html::Div>::new();
    let at_end = room.at_end;
    let rows = {
        let room = room.clone();
        Memo::new(move |_| room.rows())
    };
    let anchor = StoredValue::new(None::<Anchor>);
    follow(room.clone(), rows, node, anchor);
    let on_scroll = {
        let room = room.clone();
        move |_| {
            let Some(list) = node.get_untracked() else { return };
            let below = list.scroll_height() - list.scroll_top() - list.client_height();
            let end = below < AT_END && room.is_newest();
            // At the end it is the end that stays in view, and to look for a row costs as much as to draw one.
            anchor.set_value(if end { None } else { Anchor::of(&list) });
            if at_end.get_untracked() != end {
                at_end.set(end);
            }
            if end {
                room.seen();
            } else if list.scroll_top() < NEAR {
                room.show_more(true);
            } else if below < NEAR && !room.is_newest() {
                room.show_more(false);
            }
        }
    };
    let (empty, newest, shown) = (room.clone(), room.clone(), room.clone());
    let typing = room.typing;
    view! {
        <div class="list" node_ref=node on:scroll=on_scroll tabindex="0" role="log" aria-live="polite"
            aria-label=move || shown.name().to_owned()>
            <div class="rows">
                <p class="empty" hidden=move || !empty.is_empty()>{say(&Text::EmptyRoom)}</p>
                <For each=move || rows.get() key=|row| row.key() let:row>
                    <RowView row room=room.clone() words/>
                </For>
            </div>
        </div>
        <button class="newest" hidden=move || at_end.get() on:click=move |_| newest.show_newest()>
            {say(&Text::Newest)}" ↓"
        </button>
        <p class="typing" role="status">{move || typing.with(|names| typing_words(words, names))}</p>
    }
}

/// Keeps what the reader looks at where it is; at the end, that is the end.
fn follow(room: Room, rows: Memo<Vec<Row>>, node: NodeRef<html::Div>, anchor: StoredValue<Option<Anchor>>) {
    Effect::new(move |_| {
        rows.track();
        let Some(list) = node.get() else { return };
        if room.at_end.get_untracked() {
            list.set_scroll_top(list.scroll_height());
        } else if let Some(moved) = anchor.with_value(|anchor| anchor.as_ref().and_then(|anchor| anchor.moved(&list))) {
            list.set_scroll_top(list.scroll_top() + moved);
        }
        // Short rows may not have filled the space: then nothing was scrolled that would ask for more.
        if !room.at_end.get_untracked() && list.scroll_top() < NEAR {
            room.show_more(true);
        }
    });
}

/// The row at the top of the list, and how far from the top.
struct Anchor {
    id: String,
    top: f64,
}

impl Anchor {
    fn of(list: &HtmlElement) -> Option<Self> {
        let area = list.get_bounding_client_rect();
        let middle = (area.left() + area.width() / 2.0) as f32;
        // Below a day, or the line of the unread.
        let row = (0..8).find_map(|step| {
            let row = browser::document().element_from_point(middle, area.top() as f32 + 4.0 + 24.0 * step as f32)?;
            row.closest("[data-id]").ok()?
        })?;
        Some(Self { id: row.get_attribute("data-id")?, top: row.get_bounding_client_rect().top() - area.top() })
    }

    /// By how many pixels it stands elsewhere now.
    fn moved(&self, list: &HtmlElement) -> Option<i32> {
        let row = list.query_selector(&format!("[data-id=\"{}\"]", css_string(&self.id))).ok()??;
        let top = row.get_bounding_client_rect().top() - list.get_bounding_client_rect().top();
        Some((top - self.top).round() as i32).filter(|moved| *moved != 0)
    }
}

/// Others choose the ids of their messages.
fn css_string(text: &str) -> String {
    text.chars().fold(String::new(), |escaped, c| match c {
        '"' | '\\' => format!("{escaped}\\{c}"),
        c if c.is_control() => format!("{escaped}\\{:x} ", u32::from(c)),
        c => format!("{escaped}{c}"),
    })
}

fn typing_words(words: StoredValue<Words>, names: &[String]) -> String {
    let (Some(first), count) = (names.first(), names.len() as u64) else { return String::new() };
    let second = names.get(1).map_or("", String::as_str);
    words.with_value(|words| words.say(&Text::Typing { count, first, second, others: count - 1 }))
}
