//! What only a session has.

/// Whether sessions are compiled in: the feature `session`.
pub(crate) const SESSIONS: bool = cfg!(feature = "session");

/// An `Option` that is `None` where sessions are left out. The compiler sees it, and leaves out all that would follow.
#[derive(Debug)]
pub(crate) struct OfSession<T>(Option<T>);

impl<T> OfSession<T> {
    pub(crate) const NONE: Self = Self(None);

    #[inline(always)]
    pub(crate) fn new(value: Option<T>) -> Self {
        Self(value.filter(|_| SESSIONS))
    }

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        if SESSIONS { self.0.as_ref() } else { None }
    }

    #[inline(always)]
    pub(crate) fn as_mut(&mut self) -> Option<&mut T> {
        if SESSIONS { self.0.as_mut() } else { None }
    }

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<T> {
        if SESSIONS { self.0.take() } else { None }
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, value: T) {
        if SESSIONS {
            self.0 = Some(value);
        }
    }

    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        self.as_ref().is_some()
    }

    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        !self.is_some()
    }
}
