//! What the browser keeps, for this page's folder of the host alone.

use web_sys::Storage;

use super::OF_THE_USER;
use crate::browser::{always_on, here, window};

/// Something kept for the next visit; `None` too where the browser keeps nothing.
pub(crate) fn kept(name: &str) -> Option<String> {
    storage()?.get_item(&here(name)).ok()?
}

/// Keeps something for the next visit, if the browser does; nothing any more, if it is empty.
pub(crate) fn keep(name: &str, value: &str) {
    if let Some(storage) = storage() {
        set(&storage, name, value);
    }
}

/// The names under which something is kept that begin like this.
pub(crate) fn kept_names(beginning: &str) -> Vec<String> {
    let Some(storage) = storage() else { return Vec::new() };
    let (here, names) = (here(""), (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok()?));
    let ours = names.filter_map(|name| name.strip_prefix(&here).map(str::to_owned));
    ours.filter(|name| name.starts_with(beginning)).collect()
}

/// What was kept under a name of before is kept under this one, unless something is.
pub(crate) fn rename(old: &str, new: &str) {
    if let (None, Some(value), Some(storage)) = (kept(new), kept(old), storage())
        && storage.set_item(&here(new), &value).is_ok()
    {
        let _ = storage.remove_item(&here(old));
    }
}

/// Keeps nothing any more whose name begins like this.
pub(crate) fn forget(beginning: &str) {
    kept_names(beginning).iter().for_each(|name| keep(name, ""));
}

/// Something that this tab keeps while it is open, over reloads too.
pub(crate) fn kept_in_tab(name: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(&here(name)).ok()?
}

/// Keeps something for as long as this tab is open; nothing any more, if it is empty.
pub(crate) fn keep_in_tab(name: &str, value: &str) {
    if let Some(storage) = window().session_storage().ok().flatten() {
        set(&storage, name, value);
    }
}

fn set(storage: &Storage, name: &str, value: &str) {
    let name = here(name);
    let _ = if value.is_empty() { storage.remove_item(&name) } else { storage.set_item(&name, value) };
}

/// Calls this whenever another tab changes what this chat keeps, with the name; `None`: everything is gone.
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

/// Keeps nothing any more of what was said to a user, and of where they were.
pub(crate) fn forget_user() {
    OF_THE_USER.into_iter().for_each(forget);
}
