//! When the screen is drawn: at most once per frame, however much has changed.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use crate::browser;

#[derive(Default)]
pub(crate) struct Frames {
    /// Whether a frame was requested.
    planned: Cell<bool>,
    draw: OnceCell<Function>,
}

impl Frames {
    /// Sets the function that draws the screen.
    pub(crate) fn start(self: &Rc<Self>, draw: impl Fn() + 'static) {
        let frames = Rc::clone(self);
        let closure = Closure::<dyn FnMut()>::new(move || {
            frames.planned.set(false);
            draw();
        });
        let _ = self.draw.set(closure.into_js_value().unchecked_into());
        self.keep_the_day();
    }

    /// Draws again when the day may have changed: in every time zone, days begin at a multiple of a quarter of an hour.
    fn keep_the_day(self: &Rc<Self>) {
        const QUARTER_MS: i64 = 15 * 60 * 1000;
        let left = QUARTER_MS - browser::now_ms().rem_euclid(QUARTER_MS);
        let frames = Rc::clone(self);
        browser::later(Duration::from_millis(left.unsigned_abs()), move || {
            frames.plan();
            frames.keep_the_day();
        });
    }

    /// Requests a frame, because something visible has changed.
    pub(crate) fn plan(&self) {
        if !self.planned.replace(true) {
            self.request();
        }
    }

    /// Requests a frame again, because the page was hidden or shown and an earlier request may be void.
    pub(crate) fn renew(&self) {
        self.request();
    }

    /// A hidden page has no animation frames, but its title has to be updated.
    fn request(&self) {
        let Some(draw) = self.draw.get() else { return };
        let window = browser::window();
        let _ = if browser::is_hidden() {
            window.set_timeout_with_callback(draw)
        } else {
            window.request_animation_frame(draw)
        };
    }
}
