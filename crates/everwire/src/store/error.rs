use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The reason why a store failed. Its text is one line that says what happened and what to do.
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
    /// Another client or program has the store open.
    InUse,
    /// The store has no more room.
    Full,
    /// The store can't be written.
    ReadOnly,
    /// The data are damaged.
    Corrupt,
    /// The store was written by a later version.
    TooNew,
    /// Reading or writing failed.
    Io,
}

impl StoreError {
    /// An error with words for people: what happened and what to do.
    pub fn new(kind: StoreErrorKind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), source: None }
    }

    /// Adds the error that caused it, for [`source`](Error::source).
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

    /// Returns `true` if the same call can succeed later although nobody changes the store itself.
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
