//! Values that the browser stores, separately for each folder of the host.

use web_sys::Storage;

use super::OF_THE_USER;
use crate::browser::{always_on, here, window};

/// The value stored under this name; `None` too if the browser stores nothing.
pub(crate) fn kept(name: &str) -> Option<String> {
    storage()?.get_item(&here(name)).ok()?
}

/// Stores a value for the next visit, if the browser allows it; an empty one is removed.
pub(crate) fn keep(name: &str, value: &str) {
    if let Some(storage) = storage() {
        set(&storage, name, value);
    }
}

/// The names of stored values that begin like this.
pub(crate) fn kept_names(beginning: &str) -> Vec<String> {
    let Some(storage) = storage() else { return Vec::new() };
    let (here, names) = (here(""), (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok()?));
    let ours = names.filter_map(|name| name.strip_prefix(&here).map(str::to_owned));
    ours.filter(|name| name.starts_with(beginning)).collect()
}

/// Moves a stored value to another name, unless that has a value.
pub(crate) fn rename(old: &str, new: &str) {
    if let (None, Some(value), Some(storage)) = (kept(new), kept(old), storage())
        && storage.set_item(&here(new), &value).is_ok()
    {
        let _ = storage.remove_item(&here(old));
    }
}

/// Removes all values whose names begin like this.
pub(crate) fn forget(beginning: &str) {
    kept_names(beginning).iter().for_each(|name| keep(name, ""));
}

/// The value that this tab stores under this name; it outlives reloads, but not the tab.
pub(crate) fn kept_in_tab(name: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(&here(name)).ok()?
}

/// Stores a value for as long as this tab is open; an empty one is removed.
pub(crate) fn keep_in_tab(name: &str, value: &str) {
    if let Some(storage) = window().session_storage().ok().flatten() {
        set(&storage, name, value);
    }
}

fn set(storage: &Storage, name: &str, value: &str) {
    let name = here(name);
    let _ = if value.is_empty() { storage.remove_item(&name) } else { storage.set_item(&name, value) };
}

/// Calls `act` with the name whenever another tab changes a stored value of this chat; `None`: all were removed.
pub(crate) fn on_kept_elsewhere(mut act: impl FnMut(Option<String>) + 'static) {
    always_on(&window(), "storage", move |event| {
        let name = js_sys::Reflect::get(&event, &"key".into()).ok().and_then(|name| name.as_string());
        match name.as_deref().map(|name| name.strip_prefix(&here(""))) {
            None => act(None),
            Some(Some(ours)) => act(Some(ours.to_owned())),
            Some(None) => {}
        }
    });
}

fn storage() -> Option<Storage> {
    window().local_storage().ok()?
}

/// Removes the user's name, messages and rooms.
pub(crate) fn forget_user() {
    OF_THE_USER.into_iter().for_each(forget);
}
