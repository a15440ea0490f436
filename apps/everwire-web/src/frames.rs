//! When the screen is drawn: once in a frame, however much has happened.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use crate::browser;

/// So many changes since the last frame are a flood: it is worth waiting for its end.
const FLOOD: usize = 16;
/// But not for longer than so many frames.
const PATIENCE: u32 = 6;

#[derive(Default)]
pub(crate) struct Frames {
    /// A frame is under way.
    planned: Cell<bool>,
    /// Changes since the last frame.
    changes: Cell<usize>,
    patience: Cell<u32>,
    draw: OnceCell<Function>,
}

impl Frames {
    /// From now on `draw` is what shows the screen.
    pub(crate) fn start(self: &Rc<Self>, draw: impl Fn() + 'static) {
        let frames = Rc::clone(self);
        let closure = Closure::<dyn FnMut()>::new(move || {
            if frames.changes.take() > FLOOD && frames.patience.get() > 0 && !browser::is_hidden() {
                frames.patience.set(frames.patience.get() - 1);
                return frames.request();
            }
            frames.planned.set(false);
            draw();
        });
        let _ = self.draw.set(closure.into_js_value().unchecked_into());
    }

    /// Something has changed that is to be seen.
    pub(crate) fn plan(&self) {
        self.changes.set(self.changes.get() + 1);
        if !self.planned.replace(true) {
            self.patience.set(PATIENCE);
            self.request();
        }
    }

    /// The page is hidden, or shown: a frame that was asked for may not come.
    pub(crate) fn renew(&self) {
        self.request();
    }

    /// A page that nobody sees has no frames, but a title.
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
