use web_sys::{Element, HtmlElement};

use crate::browser;

/// The element at the top of the visible list, and its distance from the top.
pub(super) struct Anchor {
    /// The bubble of a message, without the name above and the buttons below, which come and go; or a line about the room.
    what: Element,
    top: f64,
}

impl Anchor {
    pub(super) fn of(list: &HtmlElement) -> Option<Self> {
        let area = list.get_bounding_client_rect();
        let middle = (area.left() + area.width() / 2.0) as f32;
        // Rows without an id are skipped, because they move when messages come: the beginning, a day, the line of the unread.
        let row = (0..8).find_map(|step| {
            let row = browser::document().element_from_point(middle, area.top() as f32 + 4.0 + 24.0 * step as f32)?;
            row.closest("[data-id]").ok()?
        })?;
        let what = row.query_selector(".bubble").ok().flatten().unwrap_or(row);
        let top = what.get_bounding_client_rect().top() - area.top();
        Some(Self { what, top })
    }

    /// The number of pixels by which it has moved; `None` if it has not, or is not in the document any more.
    pub(super) fn moved(&self, list: &HtmlElement) -> Option<i32> {
        if !self.what.is_connected() {
            return None;
        }
        let top = self.what.get_bounding_client_rect().top() - list.get_bounding_client_rect().top();
        Some((top - self.top).round() as i32).filter(|moved| *moved != 0)
    }
}
