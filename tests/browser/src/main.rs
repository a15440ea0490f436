//! What the client does in a browser: `tests/page/driver.test.mjs` runs each of `suite`'s cases in Chromium, against
//! servers that do what the case needs.

#[cfg(target_arch = "wasm32")]
mod suite;

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("these are tests for browsers: `cargo test --package everwire-tests --test page` runs them");
}
