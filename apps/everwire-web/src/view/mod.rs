//! The screen's parts.
//!
//! - [`join`]: who are you?
//! - [`Chat`]: everything else, put together
//! - `bar`: where the connection stands; `side`: rooms and people; `list` and `message`: what was said; `composer`: what
//!   is being written

mod bar;
mod composer;
mod join;
mod list;
mod message;
mod side;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use everwire_chat::signal::AwaySignal;
use everwire_words::{Text, Words};
use leptos::prelude::*;
use web_time::Instant;

pub(crate) use join::Join;

use crate::app::Rooms;
use crate::browser;
use bar::Bar;
use composer::Composer;
use list::List;
use side::Side;

/// How often it is looked whether somebody has gone.
const ABSENCE_CHECK: Duration = Duration::from_secs(15);

/// A text in the reader's language.
fn say(text: &Text<'_>) -> String {
    expect_context::<StoredValue<Words>>().with_value(|words| words.say(text))
}

#[component]
pub(crate) fn Chat(rooms: Rooms) -> impl IntoView {
    let side_open = RwSignal::new(false);
    watch_readers(rooms);
    watch_absence(rooms);
    let main = move || {
        let room = rooms.shown();
        view! {
            <main>
                <Bar room=room.clone() side_open/>
                <List room=room.clone()/>
                <Composer room/>
            </main>
        }
    };
    view! {
        <div class="chat" class:side-open=move || side_open.get()>
            <Update/>
            <Side rooms side_open/>
            {main}
        </div>
    }
}

/// Says that there is a new version of the page, which comes when somebody wants it.
#[component]
fn Update() -> impl IntoView {
    let is_there = RwSignal::new(browser::has_update());
    browser::always_on(&browser::window(), "everwire-update", move || is_there.set(true));
    view! {
        <p class="update" role="status" hidden=move || !is_there.get()>
            {say(&Text::NewVersion)}
            <button on:click=move |_| browser::tell("everwire-update-now")>{say(&Text::TakeVersion)}</button>
        </p>
    }
}

/// The others hear when nothing was done at the page for long, and when somebody is back.
fn watch_absence(rooms: Rooms) {
    let signal = Rc::new(RefCell::new(AwaySignal::new(Instant::now())));
    let tell = move |away: Option<bool>| {
        let Some(away) = away else { return };
        rooms.all.with_untracked(|all| all.iter().for_each(|room| room.set_away(away)));
    };
    for event in ["keydown", "pointerdown", "pointermove", "wheel", "focus"] {
        let signal = Rc::clone(&signal);
        browser::always_on(&browser::window(), event, move || tell(signal.borrow_mut().on_input(Instant::now())));
    }
    set_interval(move || tell(signal.borrow_mut().on_pause(Instant::now())), ABSENCE_CHECK);
}

/// Who comes back to the page sees what is there; the tab's title says how much is new.
fn watch_readers(rooms: Rooms) {
    let seen = move || {
        let active = rooms.active.get_untracked();
        rooms.all.with_untracked(|all| all[active].seen());
    };
    browser::always_on(&browser::document(), "visibilitychange", seen);
    browser::always_on(&browser::window(), "focus", seen);
    Effect::new(move |_| {
        let unread: usize = rooms.all.with(|all| all.iter().map(|room| room.unread.get()).sum());
        let name = rooms.shown().name().to_owned();
        browser::document().set_title(&match unread {
            0 => format!("{name} – Everwire"),
            count => format!("({count}) {name} – Everwire"),
        });
    });
}
