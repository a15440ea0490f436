//! Parsers for options that are numbers, with errors in plain words.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A whole number of at least this.
pub(super) fn at_least<T>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| match text.trim().parse() {
        Ok(number) if number >= least => Ok(number),
        _ if text.len() > 1 && text.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err("larger than this option accepts".to_owned())
        }
        _ => Err(format!("not a whole number of at least {least}")),
    }
}

/// A whole number between these.
pub(super) fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("not a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A number, which may have a fraction.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "not a number; write it like 2 or 1.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{at_least, number, within};

    #[test]
    fn numbers_are_within_their_bounds() {
        assert_eq!(at_least(1_u32)("7"), Ok(7));
        for bad in ["0", "-1", "x", "", "1.5"] {
            assert_eq!(at_least(1_u32)(bad), Err("not a whole number of at least 1".to_owned()), "{bad}");
        }
        assert_eq!(at_least(0_u32)("99999999999"), Err("larger than this option accepts".to_owned()));
        assert_eq!(within(1..=5_u8)("5"), Ok(5));
        for bad in ["0", "6", "300", "x"] {
            assert_eq!(within(1..=5_u8)(bad), Err("not a whole number from 1 to 5".to_owned()), "{bad}");
        }
        assert_eq!(number("1.5"), Ok(1.5));
        assert!(number("much").is_err() && number("NaN").is_err() && number("inf").is_err());
    }
}
