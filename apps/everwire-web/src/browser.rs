//! The browser's functions: window, address, clipboard, notifications, locks, timers, times of day.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue, UnwrapThrowExt};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{AbortController, Document, Element, Event, EventTarget, UrlSearchParams, Window};

use crate::rows::Day;

pub(crate) fn window() -> Window {
    thread_local!(static WINDOW: Window = web_sys::window().unwrap_throw());
    WINDOW.with(Window::clone)
}

pub(crate) fn document() -> Document {
    thread_local!(static DOCUMENT: Document = window().document().unwrap_throw());
    DOCUMENT.with(Document::clone)
}

/// The document's root element.
pub(crate) fn root() -> Element {
    document().document_element().unwrap_throw()
}

/// The folder of the page on its host: `/`, or one like `/chat/`.
fn folder() -> String {
    let path = window().location().pathname().unwrap_or_default();
    path.rsplit_once('/').map_or_else(|| "/".to_owned(), |(folder, _)| format!("{folder}/"))
}

/// The name of a stored value or a lock, unique among the chats of this host: it begins with the page's folder, unless that is
/// the root. `start.js` and `sw.js` do the same.
pub(crate) fn here(name: &str) -> String {
    thread_local!(static HERE: String = Some(folder()).filter(|folder| folder != "/").unwrap_or_default());
    HERE.with(|here| format!("{here}{name}"))
}

/// Whether the user may be looking at the page.
pub(crate) fn is_looked_at() -> bool {
    !is_hidden() && document().has_focus().unwrap_or(true)
}

/// Whether the page is hidden, as in another tab.
pub(crate) fn is_hidden() -> bool {
    document().hidden()
}

/// Whether the browser makes a text area grow with its text.
pub(crate) fn grows_inputs() -> bool {
    web_sys::css::supports_with_value("field-sizing", "content").unwrap_or(false)
}

/// Whether the list of rooms covers the messages when it is open; `style.css` has the same condition.
pub(crate) fn is_narrow() -> bool {
    is_like("(max-width: 720px)")
}

/// Whether the device is operated by touch; not if it has no pointer at all, because then it has a keyboard.
pub(crate) fn is_touched() -> bool {
    is_like("(pointer: coarse)")
}

/// Whether the browser reports that there is no network.
pub(crate) fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Copies a text to the clipboard; returns whether that worked.
pub(crate) async fn copy(text: &str) -> bool {
    JsFuture::from(script::copy(text)).await.is_ok_and(|copied| copied.is_truthy())
}

/// Whether the browser allows notifications.
pub(crate) fn may_notify() -> bool {
    script::may_notify()
}

/// Has the browser ask for permission to notify; returns whether it was granted.
pub(crate) async fn ask_to_notify() -> bool {
    JsFuture::from(script::ask_to_notify()).await.is_ok_and(|granted| granted.is_truthy())
}

/// Shows a notification.
pub(crate) fn notify(title: &str, text: &str, room: &str, is_mention: bool) {
    if let Ok(told) = script::notify(title, text, room, is_mention) {
        // A failure of the browser is ignored.
        wasm_bindgen_futures::spawn_local(async move { drop(JsFuture::from(told).await) });
    }
}

/// Shows the number of unread messages as the app's badge.
pub(crate) fn badge(count: usize) {
    script::badge(count as f64);
}

/// Plays the sound, if the browser allows it.
pub(crate) fn sound() {
    let _ = script::sound();
}

/// The functions of `page/start.js`.
mod script {
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = everwire)]
        pub(super) fn copy(text: &str) -> js_sys::Promise;
        #[wasm_bindgen(js_namespace = everwire, js_name = mayNotify)]
        pub(super) fn may_notify() -> bool;
        #[wasm_bindgen(js_namespace = everwire, js_name = askToNotify)]
        pub(super) fn ask_to_notify() -> js_sys::Promise;
        #[wasm_bindgen(js_namespace = everwire, catch)]
        pub(super) fn notify(title: &str, text: &str, room: &str, is_mention: bool)
        -> Result<js_sys::Promise, JsValue>;
        #[wasm_bindgen(js_namespace = everwire)]
        pub(super) fn badge(count: f64);
        #[wasm_bindgen(js_namespace = everwire, catch)]
        pub(super) fn sound() -> Result<(), JsValue>;
    }
}

fn is_like(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Whether the focus is within an element.
pub(crate) fn has_focus(element: &Element) -> bool {
    element.contains(document().active_element().as_deref())
}

/// Whether a click is the second one of a double click, or a later one.
pub(crate) fn is_repeated(click: &Event) -> bool {
    js_sys::Reflect::get(click, &"detail".into())
        .ok()
        .and_then(|clicks| clicks.as_f64())
        .is_some_and(|clicks| clicks > 1.0)
}

/// The languages that the reader prefers, best first.
pub(crate) fn languages() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|language| language.as_string()).collect()
}

/// The chat's address, beside this page.
pub(crate) fn chat_url() -> String {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}{}ws", location.host().unwrap_or_default(), folder())
}

/// A value of the page's own address, as in `?room=den`.
pub(crate) fn parameter(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name).filter(|value| !value.trim().is_empty())
}

/// A value behind the `#` of the page's own address, which is never sent anywhere.
pub(crate) fn fragment(name: &str) -> Option<String> {
    let hash = window().location().hash().ok()?;
    UrlSearchParams::new_with_str(hash.get(1..)?).ok()?.get(name).filter(|value| !value.is_empty())
}

/// Removes from the page's address, and from the browser's history, what must not be given to others with the address: the
/// name, and everything after the `#`.
pub(crate) fn clear_address() {
    let location = window().location();
    let (Ok(path), Ok(search)) = (location.pathname(), location.search()) else { return };
    let Ok(parameters) = UrlSearchParams::new_with_str(&search) else { return };
    if parameters.get("name").is_none() && location.hash().is_ok_and(|hash| hash.is_empty()) {
        return;
    }
    parameters.delete("name");
    let search = String::from(parameters.to_string());
    let address = if search.is_empty() { path } else { format!("{path}?{search}") };
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    }
}

/// The address of a room, to be given to others.
pub(crate) fn link_to(room: &str) -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), address_of(room))
}

/// Puts the shown room into the page's address. `is_step`: the browser's back button returns to the room before.
pub(crate) fn show_address(room: &str, is_step: bool) {
    if parameter("room").as_deref() == Some(room) {
        return;
    }
    if let Ok(history) = window().history() {
        let address = address_of(room);
        let _ = if is_step {
            history.push_state_with_url(&JsValue::NULL, "", Some(&address))
        } else {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&address))
        };
    }
}

fn address_of(room: &str) -> String {
    let location = window().location();
    let path = location.pathname().unwrap_or_default();
    match location.search().and_then(|search| UrlSearchParams::new_with_str(&search)) {
        Ok(parameters) => {
            parameters.set("room", room);
            format!("{path}?{}", String::from(parameters.to_string()))
        }
        Err(_) => path,
    }
}

/// Asks the user a question in a dialog; blocks until it is answered.
pub(crate) fn confirm(question: &str) -> bool {
    window().confirm_with_message(question).unwrap_or(false)
}

/// Loads the page again.
pub(crate) fn reload() {
    let _ = window().location().reload();
}

/// Does `work` while holding the lock of this name, which one tab at a time can have. Returns false if the lock could not be
/// had within `patience`, or at once if that is `None`. In browsers without locks, `work` is done without one.
pub(crate) async fn locked(name: &str, patience: Option<Duration>, work: impl Future<Output = ()> + 'static) -> bool {
    let Some((locks, request)) = lock_manager() else {
        work.await;
        return true;
    };
    let options = js_sys::Object::new();
    let option = |name: &str, value: &JsValue| drop(js_sys::Reflect::set(&options, &name.into(), value));
    match patience {
        None => option("ifAvailable", &true.into()),
        Some(Duration::MAX) => {}
        Some(patience) => {
            if let Ok(patient) = AbortController::new() {
                option("signal", &patient.signal());
                later(patience, move || patient.abort());
            }
        }
    }
    let had = Rc::new(Cell::new(false));
    let has = Rc::clone(&had);
    let act = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            return JsValue::UNDEFINED;
        }
        has.set(true);
        let done = async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        };
        future_to_promise(done).into()
    });
    if let Ok(promise) = request.call3(&locks, &here(name).into(), &options, &act) {
        let _ = JsFuture::from(Promise::from(promise)).await;
    }
    had.get()
}

fn lock_manager() -> Option<(JsValue, Function)> {
    let locks = js_sys::Reflect::get(&window().navigator(), &"locks".into()).ok().filter(JsValue::is_object)?;
    let request = js_sys::Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    Some((locks, request))
}

/// The number of this tab, which no other open tab has; `None` in browsers without locks.
pub(crate) fn tab() -> Option<String> {
    root().get_attribute("data-tab").filter(|tab| !tab.is_empty())
}

/// Whether a new version of the page is waiting.
pub(crate) fn has_update() -> bool {
    root().has_attribute("data-update")
}

/// Dispatches an event to the page's scripts.
pub(crate) fn tell(event: &str) {
    if let Ok(event) = Event::new(event) {
        let _ = window().dispatch_event(&event);
    }
}

/// The day of a time, in the reader's time zone.
pub(crate) fn day_of(unix_ms: i64) -> Day {
    /// In every time zone, days begin at a multiple of it.
    const QUARTER_MS: i64 = 15 * 60 * 1000;
    thread_local! {
        static LAST: Cell<Option<(i64, Day)>> = const { Cell::new(None) };
    }
    let quarter = unix_ms.div_euclid(QUARTER_MS);
    // Neighbouring messages are mostly of the same quarter of an hour.
    match LAST.get() {
        Some((last, day)) if last == quarter => day,
        _ => {
            let day = ask_day_of(unix_ms);
            LAST.set(Some((quarter, day)));
            day
        }
    }
}

fn ask_day_of(unix_ms: i64) -> Day {
    let date = js_sys::Date::new(&JsValue::from_f64(unix_ms as f64));
    Day {
        year: date.get_full_year() as i32,
        month: date.get_month() as u8 + 1,
        day: date.get_date() as u8,
        weekday: match date.get_day() {
            0 => 7,
            day => day as u8,
        },
    }
}

/// Hours and minutes, in the reader's time zone.
pub(crate) fn time_of(unix_ms: i64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(unix_ms as f64));
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}

pub(crate) fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// Calls this for every event of that name, for as long as the page lives.
pub(crate) fn always_on(target: &EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    listen(target, event, Closure::new(act), false);
}

/// The same in the capturing phase, for events that do not bubble.
pub(crate) fn always_below(target: &EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    listen(target, event, Closure::new(act), true);
}

fn listen(target: &EventTarget, event: &str, act: Closure<dyn FnMut(Event)>, on_its_way_down: bool) {
    let act = act.into_js_value();
    let _ = target.add_event_listener_with_callback_and_bool(event, act.unchecked_ref(), on_its_way_down);
}

/// Waits for this long.
pub(crate) async fn sleep(time: Duration) {
    let mut wait = |done: Function, _| later(time, move || drop(done.call0(&JsValue::NULL)));
    let _ = JsFuture::from(Promise::new(&mut wait)).await;
}

/// Calls this once, after this long.
pub(crate) fn later(after: Duration, act: impl FnOnce() + 'static) {
    let millis = i32::try_from(after.as_millis()).unwrap_or(i32::MAX);
    let closure = Closure::once_into_js(act);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(closure.unchecked_ref(), millis);
}
