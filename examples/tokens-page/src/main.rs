//! A token stream in a page. It continues after lost connections, and after a reload it continues at the next word.
//!
//! `cargo xtask tokens` builds it and starts its server, the example `tokens_page` of `everwire-server`.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

#[cfg(target_arch = "wasm32")]
mod story;

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(story::run());
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is a page: `cargo xtask tokens` builds it and starts its server");
}
