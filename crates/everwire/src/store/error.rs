use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The reason why a store can't do its work: one line that says what happened and what to do.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    words: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a store's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another client, or another program, has it open.
    InUse,
    /// There is no room for more.
    Full,
    /// It can't be written.
    ReadOnly,
    /// The data are damaged.
    Corrupt,
    /// It was written by a later version.
    TooNew,
    /// Reading or writing failed.
    Io,
}

impl StoreError {
    /// An error, in words for people.
    pub fn new(kind: StoreErrorKind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), source: None }
    }

    /// The same with what brought it about.
    #[must_use]
    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns `true` if the same call can succeed later without anybody doing anything to the store itself.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            StoreErrorKind::InUse | StoreErrorKind::Full | StoreErrorKind::Io => true,
            StoreErrorKind::ReadOnly | StoreErrorKind::Corrupt | StoreErrorKind::TooNew => false,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
