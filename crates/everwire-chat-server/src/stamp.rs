//! Whether a file is another than before, by what its folder says of it.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

/// What changes when a file is written or exchanged. The time alone does not: builds and copies may set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    system: Option<[i64; 4]>,
}

impl Stamp {
    /// `None`: there is no such file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self { modified: file.modified().ok(), bytes: file.len(), system: system(&file) })
    }
}

/// Which file it is, and when anything of it was changed, which nobody sets.
#[cfg(unix)]
fn system(file: &Metadata) -> Option<[i64; 4]> {
    use std::os::unix::fs::MetadataExt;
    Some([file.dev().cast_signed(), file.ino().cast_signed(), file.ctime(), file.ctime_nsec()])
}

#[cfg(not(unix))]
fn system(_: &Metadata) -> Option<[i64; 4]> {
    None
}
