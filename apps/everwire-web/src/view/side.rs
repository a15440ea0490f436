use everwire_chat::User;
use everwire_words::{Text, Words};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::say;
use crate::app::Rooms;

/// The rooms and who is here. On a phone it lies over the messages.
#[component]
pub(super) fn Side(rooms: Rooms, side_open: RwSignal<bool>) -> impl IntoView {
    let words = expect_context::<StoredValue<Words>>();
    let list = move || {
        let active = rooms.active.get();
        rooms.all.with(|all| {
            let several = all.len() > 1;
            let entries = all.iter().enumerate().map(|(at, room)| {
                let (name, unread) = (room.name().to_owned(), room.unread);
                let leave = several.then(|| {
                    let label = words.with_value(|words| words.say(&Text::LeaveRoom { room: &name }));
                    view! { <button class="icon" aria-label=label on:click=move |_| rooms.leave(at)>"×"</button> }
                });
                view! {
                    <li class:active=at == active>
                        <button class="room" dir="auto" aria-current=(at == active).then_some("true")
                            on:click=move |_| { rooms.go_to(at); side_open.set(false); }>
                            {name}
                            <span class="count">{move || Some(unread.get()).filter(|count| *count > 0)}</span>
                        </button>
                        {leave}
                    </li>
                }
            });
            entries.collect_view()
        })
    };
    let people = move || {
        rooms.shown().users.with(|users| {
            let person = |user: &User| {
                let away = user.away.then(|| view! { <small>{say(&Text::Away)}</small> });
                view! { <li dir="auto" class:away=user.away>{user.user_name.clone()}{away}</li> }
            };
            users.iter().map(person).collect_view()
        })
    };
    view! {
        <nav class="side" on:keydown=move |event| if event.key() == "Escape" { side_open.set(false) }>
            <h2>{say(&Text::Rooms)}</h2>
            <ul class="rooms">{list}</ul>
            <NewRoom rooms side_open/>
            <h2>{say(&Text::Who)}</h2>
            <ul class="people">
                <li dir="auto">{rooms.me()}<small>{say(&Text::You)}</small></li>
                {people}
            </ul>
        </nav>
        <button class="shade" tabindex="-1" aria-label=say(&Text::Close) on:click=move |_| side_open.set(false)></button>
    }
}

#[component]
fn NewRoom(rooms: Rooms, side_open: RwSignal<bool>) -> impl IntoView {
    let (name, problem) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if name.with_untracked(|name| name.trim().is_empty()) {
            return;
        }
        match rooms.join(&name.get_untracked()) {
            Ok(()) => {
                name.set(String::new());
                problem.set(String::new());
                side_open.set(false);
            }
            Err(why) => problem.set(why),
        }
    };
    view! {
        <form class="new-room" on:submit=submit>
            <input aria-label=say(&Text::NewRoom) placeholder=say(&Text::NewRoom) dir="auto"
                prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
            <button class="icon" aria-label=say(&Text::NewRoom)>"+"</button>
            <p class="problem" role="alert">{problem}</p>
        </form>
    }
}
