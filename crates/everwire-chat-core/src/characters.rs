//! What people take for one character: grapheme clusters (Unicode Annex 29), and which of them differ only in case. A page asks its
//! browser, which has the tables.

/// How many there are.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn characters(text: &str) -> usize {
    use unicode_segmentation::UnicodeSegmentation;
    text.graphemes(true).count()
}

/// How many there are; code points, where the browser can't tell.
#[cfg(target_arch = "wasm32")]
pub(crate) fn characters(text: &str) -> usize {
    let clusters = browser::Segmenter::new().and_then(|segmenter| js_sys::try_iter(&segmenter.segment(text)));
    clusters.ok().flatten().map_or_else(|| text.chars().count(), Iterator::count)
}

/// A letter in lower case, which may be several.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn lower(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase()
}

/// A letter in lower case, which may be several.
#[cfg(target_arch = "wasm32")]
pub(crate) fn lower(letter: char) -> impl Iterator<Item = char> {
    let lower = if letter.is_ascii() {
        letter.to_ascii_lowercase().to_string()
    } else {
        js_sys::JsString::from(letter.to_string()).to_lower_case().into()
    };
    lower.chars().collect::<Vec<_>>().into_iter()
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = Intl)]
        pub(super) type Segmenter;

        #[wasm_bindgen(constructor, js_namespace = Intl, catch)]
        pub(super) fn new() -> Result<Segmenter, JsValue>;

        #[wasm_bindgen(method)]
        pub(super) fn segment(this: &Segmenter, text: &str) -> JsValue;
    }
}
