use everwire_words::Text;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::say;
use crate::account::{Account, Auth};
use crate::app::Enter;

/// Asks who somebody is.
#[component]
pub(crate) fn Join(enter: Enter, auth: Auth) -> impl IntoView {
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (problem, busy) = (RwSignal::new(String::new()), RwSignal::new(false));
    let with_password = auth == Auth::Password;
    let nobody = say(&Text::OfflineNow);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked();
        if !with_password {
            problem.set(enter.guest(&name).err().unwrap_or_default());
            return;
        }
        let (password, nobody) = (password.get_untracked(), nobody.clone());
        busy.set(true);
        spawn_local(async move {
            let entered = match Account::sign_in(name.trim(), &password).await {
                Ok(account) => enter.account(account),
                Err(words) => Err(words.unwrap_or(nobody)),
            };
            busy.set(false);
            problem.set(entered.err().unwrap_or_default());
        });
    };
    let missing =
        move || name.with(|name| name.trim().is_empty()) || (with_password && password.with(String::is_empty));
    let button = if with_password { Text::SignIn } else { Text::Enter };
    let asked = (auth != Auth::Guest).then(|| view! { <p class="asked">{say(&Text::SignInWanted)}</p> });
    let secret = with_password.then(|| {
        view! {
            <label for="password">{say(&Text::Password)}</label>
            <input id="password" name="password" type="password" autocomplete="current-password" prop:value=password
                on:input=move |event| password.set(event_target_value(&event))/>
        }
    });
    let fields = (auth != Auth::Token).then(|| {
        view! {
            <label for="name">{say(&Text::Name)}</label>
            <input id="name" name="name" autocomplete=if with_password { "username" } else { "nickname" }
                dir="auto" autofocus aria-describedby="problem" prop:value=name
                on:input=move |event| name.set(event_target_value(&event))/>
            {secret}
            <p id="problem" class="problem" role="alert">{problem}</p>
            <button disabled=move || missing() || busy.get()>{say(&button)}</button>
        }
    });
    view! {
        <main class="join">
            <form on:submit=submit>
                <img src="/icon.svg" alt="" width="56" height="56"/>
                <h1>"Everwire"</h1>
                {asked}
                {fields}
            </form>
        </main>
    }
}
