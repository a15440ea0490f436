use std::{fmt, num::NonZeroU64, ops::Add, time::Duration};

/// A point in monotonic time: nanoseconds since an origin that the driver chose.
///
/// The machine reads no clock; its driver passes the time. Arithmetic saturates, so that a setting of `Duration::MAX`
/// means "never" and not an overflow. `Option<Moment>` is no larger than a `Moment`: a machine has some forty of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(
    /// One more than the nanoseconds.
    NonZeroU64,
);

impl Moment {
    /// The origin.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// The end of time: some 584 years after the origin.
    pub const MAX: Self = Self(NonZeroU64::MAX);

    /// A moment this many nanoseconds after the origin, at most [`MAX`](Self::MAX).
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(Self::ZERO.0.saturating_add(nanos))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0.get().saturating_sub(1)
    }

    /// The moment `duration` after this one, at most [`MAX`](Self::MAX); `+` does the same.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// The time since an earlier moment; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Moment {
    /// The origin.
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Moment").field(&self.as_nanos()).finish()
    }
}

/// Nanoseconds, of 584 years at most: in 64 bits, since a division of 128 is most of a KB of a page.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A part of a duration: this many make up the whole.
pub(crate) fn part(duration: Duration, parts: u32) -> Duration {
    duration.checked_div(parts).unwrap_or(duration)
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_nanoseconds_and_end_at_the_last() {
        for nanos in [0, 1, 1_000_000_000, u64::MAX - 1] {
            assert_eq!(Moment::from_nanos(nanos).as_nanos(), nanos);
        }
        assert_eq!(Moment::default().as_nanos(), 0);
        assert_eq!(format!("{:?}", Moment::from_nanos(7)), "Moment(7)");
        assert_eq!(Moment::from_nanos(u64::MAX), Moment::MAX);
        assert_eq!(Moment::MAX.saturating_add(Duration::MAX), Moment::MAX);
        assert_eq!(Moment::ZERO + Duration::from_nanos(5), Moment::from_nanos(5));
        assert_eq!(Moment::from_nanos(5).since(Moment::from_nanos(2)), Duration::from_nanos(3));
        assert_eq!(Moment::from_nanos(2).since(Moment::from_nanos(5)), Duration::ZERO);
    }

    #[test]
    fn a_moment_that_there_may_be_is_no_larger_than_one_that_there_is() {
        assert_eq!(size_of::<Option<Moment>>(), size_of::<Moment>());
    }
}
