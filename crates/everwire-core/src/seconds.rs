use std::fmt;
use std::time::Duration;

use crate::moment::{nanos, part};

/// A time in seconds with one digit behind the point, as in `1.5 s`; below 0.1 s in milliseconds, as in `1.0 ms`.
///
/// By whole numbers: what writes fractions in general is some 5 KB of a page.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(everwire_core::Seconds(Duration::from_millis(1_450)).to_string(), "1.5 s");
/// assert_eq!(everwire_core::Seconds(Duration::from_millis(1)).to_string(), "1.0 ms");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TENTH: Duration = Duration::from_millis(100);
        match self.0 {
            time if time < TENTH && !time.is_zero() => Milliseconds(time).fmt(f),
            time => tenths(f, time, Duration::from_secs(1), "s"),
        }
    }
}

/// A time in milliseconds with one digit behind the point, as in `0.3 ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milliseconds(pub Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tenths(f, self.0, Duration::from_millis(1), "ms")
    }
}

/// In units, rounded to the nearest tenth.
pub(crate) fn tenths(f: &mut fmt::Formatter<'_>, time: Duration, unit: Duration, name: &str) -> fmt::Result {
    let tenths = rounded(time, part(unit, 10));
    write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
}

/// How many units, rounded to the nearest.
pub(crate) fn rounded(time: Duration, unit: Duration) -> u64 {
    nanos(time.saturating_add(part(unit, 2))) / nanos(unit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_a_fraction_would_be() {
        for micros in (1..2_000_000).step_by(1_238).chain([59_940_000, 3_600_000_000]) {
            let time = Duration::from_micros(micros);
            if micros >= 100_000 {
                assert_eq!(Seconds(time).to_string(), format!("{:.1} s", time.as_secs_f64()));
            }
            assert_eq!(Milliseconds(time).to_string(), format!("{:.1} ms", time.as_secs_f64() * 1_000.0));
        }
        assert_eq!(Seconds(Duration::ZERO).to_string(), "0.0 s");
        assert_eq!(Seconds(Duration::from_millis(1)).to_string(), "1.0 ms");
        assert!(Seconds(Duration::MAX).to_string().ends_with(" s"));
    }
}
