use everwire_words::Text;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::say;

/// Asks for a name.
#[component]
pub(crate) fn Join(enter: impl Fn(String) -> Result<(), String> + Copy + 'static) -> impl IntoView {
    let (name, problem) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        problem.set(enter(name.get_untracked()).err().unwrap_or_default());
    };
    view! {
        <main class="join">
            <form on:submit=submit>
                <img src="/icon.svg" alt="" width="56" height="56"/>
                <h1>"Everwire"</h1>
                <label for="name">{say(&Text::Name)}</label>
                <input id="name" name="name" autocomplete="nickname" maxlength="64" dir="auto" autofocus
                    aria-describedby="problem" prop:value=name
                    on:input=move |event| name.set(event_target_value(&event))/>
                <p id="problem" class="problem" role="alert">{problem}</p>
                <button disabled=move || name.with(|name| name.trim().is_empty())>{say(&Text::Enter)}</button>
            </form>
        </main>
    }
}
