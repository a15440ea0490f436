//! Figures, and the table made of them.

use std::collections::BTreeMap;
use std::fmt;

use crate::contender::Contender;

/// A measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// Messages of 32 B one way, until the server has counted all.
    OneWay32,
    /// The same with 128 B.
    OneWay128,
    /// 128 B echoed, one in flight: the median time, in microseconds.
    RoundTrip,
    /// 128 B echoed, 64 in flight.
    Pipelined,
}

impl Measure {
    pub(crate) const ALL: [Self; 4] = [Self::OneWay32, Self::OneWay128, Self::RoundTrip, Self::Pipelined];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneWay32 => "one-way-32",
            Self::OneWay128 => "one-way-128",
            Self::RoundTrip => "round-trip",
            Self::Pipelined => "pipelined-64",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    fn unit(self) -> &'static str {
        match self {
            Self::OneWay32 | Self::OneWay128 => "M messages/s",
            Self::RoundTrip => "µs, p50 / p99",
            Self::Pipelined => "k messages/s",
        }
    }
}

/// One measurement: the figure itself and, for round trips, the 99th percentile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) tail: f64,
}

impl Figure {
    pub(crate) fn rate(value: f64) -> Self {
        Self { value, tail: 0.0 }
    }

    pub(crate) fn as_line(self) -> String {
        format!("{} {}", self.value, self.tail)
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let (value, tail) = line.trim().split_once(' ')?;
        Some(Self { value: value.parse().ok()?, tail: tail.parse().ok()? })
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Table {
    figures: BTreeMap<(Measure, Contender), Vec<Figure>>,
}

impl Table {
    pub(crate) fn add(&mut self, contender: Contender, measure: Measure, figure: Figure) {
        self.figures.entry((measure, contender)).or_default().push(figure);
    }

    fn contenders(&self, measure: Measure) -> Vec<Contender> {
        self.figures.keys().filter(|(of, _)| *of == measure).map(|(_, contender)| *contender).collect()
    }

    fn median(&self, measure: Measure, contender: Contender, part: impl Fn(&Figure) -> f64) -> (f64, f64, f64) {
        let mut values: Vec<f64> = self.figures.get(&(measure, contender)).into_iter().flatten().map(part).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for measure in Measure::ALL {
            let contenders = self.contenders(measure);
            if contenders.is_empty() {
                continue;
            }
            writeln!(f, "\n{} ({})", measure.name(), measure.unit())?;
            writeln!(f, "| client | median | min – max | ratio to {} |", Contender::BASE.name())?;
            writeln!(f, "|---|---|---|---|")?;
            let (_, base, _) = self.median(measure, Contender::BASE, |figure| figure.value);
            for contender in contenders {
                let (min, median, max) = self.median(measure, contender, |figure| figure.value);
                let (_, tail, _) = self.median(measure, contender, |figure| figure.tail);
                let tail = if measure == Measure::RoundTrip { format!(" / {tail:.0}") } else { String::new() };
                let name = contender.name();
                writeln!(f, "| {name} | {median:.2}{tail} | {min:.2} – {max:.2} | {:.2} |", median / base)?;
            }
        }
        Ok(())
    }
}
