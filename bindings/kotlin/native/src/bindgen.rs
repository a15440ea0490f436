//! Writes the Kotlin files that the native library describes.

fn main() {
    uniffi::uniffi_bindgen_main();
}
