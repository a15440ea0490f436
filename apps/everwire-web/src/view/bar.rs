use std::time::Duration;

use everwire::State;
use everwire_words::{Text, Words};
use leptos::prelude::*;

use super::say;
use crate::room::{Room, link_words};

/// The room's name, and where its connection stands.
#[component]
pub(super) fn Bar(room: Room, side_open: RwSignal<bool>) -> impl IntoView {
    let words = expect_context::<StoredValue<Words>>();
    let tick = ticks_while_offline(room.link);
    let link = Memo::new(move |_| {
        tick.track();
        words.with_value(|words| link_words(words, &room.link.get()))
    });
    let name = room.name().to_owned();
    let waiting = {
        let room = room.clone();
        move || match room.sending() {
            count if count > 0 && !room.link.with(State::is_connected) => {
                say_with(words, &Text::Waiting { count: count as u64 })
            }
            _ => String::new(),
        }
    };
    let users = room.users;
    view! {
        <header class="bar">
            <button class="icon menu" aria-label=say(&Text::Rooms) aria-expanded=move || side_open.get().to_string()
                on:click=move |_| side_open.update(|open| *open = !*open)>"☰"</button>
            <div class="title">
                <h1 dir="auto">{name}</h1>
                <p class="link" role="status">
                    <span class=move || format!("dot {}", link.get().1)></span>
                    <span>{move || link.get().0}</span>
                    <span class="waiting-count">{waiting}</span>
                </p>
            </div>
            <button class="people" on:click=move |_| side_open.set(true)>
                {move || say_with(words, &Text::Here { count: users.with(Vec::len) as u64 })}
            </button>
        </header>
    }
}

fn say_with(words: StoredValue<Words>, text: &Text<'_>) -> String {
    words.with_value(|words| words.say(text))
}

/// Changes twice a second, but only while there is a countdown.
fn ticks_while_offline(link: RwSignal<State>) -> RwSignal<u32> {
    let tick = RwSignal::new(0_u32);
    Effect::new(move |_| {
        if !matches!(link.get(), State::Disconnected { .. }) {
            return;
        }
        let timer = set_interval_with_handle(move || tick.update(|tick| *tick += 1), Duration::from_millis(500));
        on_cleanup(move || {
            if let Ok(timer) = timer {
                timer.clear();
            }
        });
    });
    tick
}
