//! Tests of the client in a browser: `tests/page/driver.test.mjs` runs each case of `suite` in Chromium, with a server for the case.

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
