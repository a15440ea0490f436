use std::time::Duration;

use everwire_chat::limits::TEXT_BYTES;
use everwire_chat::signal::TypingSignal;
use everwire_words::{Text, Words};
use leptos::html;
use leptos::prelude::*;
use web_sys::{HtmlTextAreaElement, KeyboardEvent};
use web_time::Instant;

use super::say;
use crate::browser;
use crate::room::Room;

/// Rows that the input grows to.
const ROWS: u32 = 4;

/// Where a message is written. Enter sends, Shift+Enter begins a new line.
#[component]
pub(super) fn Composer(room: Room) -> impl IntoView {
    let words = expect_context::<StoredValue<Words>>();
    let input = NodeRef::<html::Textarea>::new();
    let problem = RwSignal::new(String::new());
    let (draft, unkept) = (room.draft, room.unkept);
    let typing = Typing::new(room.clone());
    let unsendable = move || draft.with(|draft| draft.trim().is_empty() || draft.len() > TEXT_BYTES);
    let send = {
        let room = room.clone();
        move || {
            if unsendable() {
                return;
            }
            match room.send(&draft.get_untracked()) {
                Ok(()) => {
                    problem.set(String::new());
                    typing.sent();
                }
                Err(why) => problem.set(why),
            }
            if let Some(input) = input.get_untracked() {
                let _ = input.focus();
            }
        }
    };
    let on_key = {
        let send = send.clone();
        move |event: KeyboardEvent| {
            // Enter that ends the input of a Japanese or Chinese word sends nothing.
            if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
                event.prevent_default();
                send();
            }
        }
    };
    let on_input = move |event| {
        room.write(event_target_value(&event));
        typing.edited();
    };
    Effect::new(move |_| {
        // On a phone the keyboard would cover the messages that somebody came to read.
        if let Some(input) = input.get().filter(|_| browser::has_a_mouse()) {
            let _ = input.focus();
        }
    });
    if !browser::grows_inputs() {
        Effect::new(move |_| {
            draft.track();
            if let Some(input) = input.get() {
                grow(&input);
            }
        });
    }
    let too_long = move || match draft.with(|draft| draft.len().saturating_sub(TEXT_BYTES)) {
        0 => problem.get(),
        over => words.with_value(|words| words.say(&Text::TooLong { over: over as u64 })),
    };
    view! {
        <form class="composer" on:submit=move |event| { event.prevent_default(); send(); }>
            <p class="unkept problem" role="alert" hidden=move || !unkept.get()>{say(&Text::NoRoom)}</p>
            <p class="problem" role="alert">{too_long}</p>
            <textarea node_ref=input rows="1" dir="auto" enterkeyhint="send"
                aria-label=say(&Text::WriteHere) placeholder=say(&Text::WriteHere)
                prop:value=draft on:input=on_input on:keydown=on_key></textarea>
            <button class="send" aria-label=say(&Text::Send) title=say(&Text::Send) disabled=unsendable>"➤"</button>
        </form>
    }
}

fn grow(input: &HtmlTextAreaElement) {
    // Each look at a height is a layout: most keys change none.
    if input.rows() == 1 && input.scroll_height() <= input.client_height() {
        return;
    }
    // From small to large, so that it shrinks too.
    for rows in 1..=ROWS {
        input.set_rows(rows);
        if input.scroll_height() <= input.client_height() {
            break;
        }
    }
}

/// Tells the others that we type, and when we have stopped.
#[derive(Clone, Copy)]
struct Typing {
    signal: StoredValue<TypingSignal>,
    /// Somebody will look whether it is over.
    looks: StoredValue<bool>,
    room: StoredValue<Room, LocalStorage>,
}

impl Typing {
    fn new(room: Room) -> Self {
        Self {
            signal: StoredValue::new(TypingSignal::default()),
            looks: StoredValue::new(false),
            room: StoredValue::new_local(room),
        }
    }

    fn edited(self) {
        let blank = self.room.with_value(|room| room.draft.with_untracked(|draft| draft.trim().is_empty()));
        let told = self.signal.try_update_value(|signal| signal.on_edit(blank, Instant::now())).flatten();
        self.tell(told);
        self.look_again();
    }

    fn sent(self) {
        self.signal.update_value(TypingSignal::on_sent);
    }

    /// After the pause that may follow. One look at a time: it moves as long as somebody types.
    fn look_again(self) {
        if self.looks.with_value(|looks| *looks) {
            return;
        }
        let Some(deadline) = self.signal.with_value(TypingSignal::deadline) else { return };
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(20);
        self.looks.set_value(true);
        set_timeout(
            move || {
                // Another room may be shown by now, and this one's signal gone with its input.
                let told = self.signal.try_update_value(|signal| signal.on_pause(Instant::now())).flatten();
                self.tell(told);
                if self.looks.try_update_value(|looks| *looks = false).is_some() {
                    self.look_again();
                }
            },
            left,
        );
    }

    fn tell(self, told: Option<bool>) {
        if let Some(is_typing) = told {
            let _ = self.room.try_with_value(|room| room.chat().typing(is_typing));
        }
    }
}
