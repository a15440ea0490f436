/// A file of the page, as it is and compressed.
#[derive(Clone, Copy, Debug)]
pub struct PageFile {
    /// Its name, without a folder: `index.html`.
    pub name: &'static str,
    /// `true` if its name changes with its content, so that browsers may keep it for ever.
    pub immutable: bool,
    /// A short name for this content, the same for no other.
    pub version: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// By gzip.
    pub gzip: &'static [u8],
    /// By brotli.
    pub brotli: &'static [u8],
}
