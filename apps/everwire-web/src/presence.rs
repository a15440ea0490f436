//! Whether the user is away.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use everwire_chat::signal::AwaySignal;
use web_time::Instant;

use crate::browser;
use crate::rooms::Rooms;

/// How often to check whether the user is away.
const CHECK: Duration = Duration::from_secs(15);

struct Presence {
    signal: RefCell<AwaySignal>,
    rooms: Weak<Rooms>,
}

/// Tells the rooms when the user has not used the page for long, and when the user is back.
pub(crate) fn watch(rooms: &Rc<Rooms>) {
    let signal = RefCell::new(AwaySignal::new(Instant::now()));
    let presence = Rc::new(Presence { signal, rooms: Rc::downgrade(rooms) });
    for event in ["keydown", "pointerdown", "pointermove", "wheel", "focus"] {
        let presence = Rc::clone(&presence);
        browser::always_on(&browser::window(), event, move |_| {
            let told = presence.signal.borrow_mut().on_input(Instant::now());
            presence.tell(told);
        });
    }
    presence.check();
}

impl Presence {
    fn check(self: Rc<Self>) {
        browser::later(CHECK, move || {
            let told = self.signal.borrow_mut().on_pause(Instant::now());
            self.tell(told);
            self.check();
        });
    }

    fn tell(&self, away: Option<bool>) {
        if let (Some(away), Some(rooms)) = (away, self.rooms.upgrade()) {
            rooms.each(|_, room| room.set_away(away));
        }
    }
}
