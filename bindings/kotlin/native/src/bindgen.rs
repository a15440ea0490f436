//! Writes the Kotlin files that the native library describes.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

fn main() {
    uniffi::uniffi_bindgen_main();
}
