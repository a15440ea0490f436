//! Times and durations as text.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time zone of this machine; UTC and a warning if it can't be read.
pub(crate) fn local_zone() -> (TimeZone, Option<&'static str>) {
    let named = std::env::var_os("TZ").is_some_and(|name| !name.is_empty())
        || std::fs::symlink_metadata("/etc/localtime").is_ok();
    match TimeZone::try_system() {
        Ok(zone) => (zone, None),
        // A machine without a zone is in UTC by convention.
        Err(_) if !named => (TimeZone::UTC, None),
        Err(_) => (TimeZone::UTC, Some(NO_ZONE)),
    }
}

const NO_ZONE: &str =
    "times are UTC: this machine's time zone can't be read; is the system's zoneinfo (package tzdata) there?";

/// The time of day of `at`, milliseconds since the Unix epoch, in `zone`.
pub(crate) fn clock(at: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => "--:--:--".to_owned(),
    }
}

/// A duration in the unit that reads best: `0.4 ms`, `350 ms`, `2.4 s`, `3 min 20 s`.
pub(crate) fn short(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..10 => format!("{:.1} ms", duration.as_secs_f64() * 1_000.0),
        10..1_000 => format!("{millis} ms"),
        1_000..10_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        10_000..60_000 => format!("{} s", millis / 1_000),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::{clock, short};

    #[test]
    fn durations_are_short() {
        let of = |millis| short(Duration::from_millis(millis));
        assert_eq!(of(0), "0.0 ms");
        assert_eq!(of(999), "999 ms");
        assert_eq!(of(2_450), "2.4 s");
        assert_eq!(of(59_999), "59 s");
        assert_eq!(of(200_000), "3 min 20 s");
        assert_eq!(of(7_260_000), "2 h 1 min");
    }

    #[test]
    fn a_time_of_day_is_shown_and_one_out_of_range_is_dashes() {
        assert_eq!(clock(1_700_000_000_000, &TimeZone::UTC), "22:13:20");
        assert_eq!(clock(i64::MAX, &TimeZone::UTC), "--:--:--");
        assert_eq!(clock(i64::MIN, &TimeZone::UTC), "--:--:--");
    }
}
