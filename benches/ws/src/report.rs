//! The tables made of all figures.

use std::collections::BTreeMap;
use std::fmt;

use crate::measures::{Column, Measure};
use crate::peers::Contender;

/// All figures of a run, by round.
#[derive(Default)]
pub(crate) struct Report {
    rounds: Vec<BTreeMap<(Measure, Contender), Vec<f64>>>,
}

impl Report {
    pub(crate) fn start_round(&mut self) {
        self.rounds.push(BTreeMap::new());
    }

    /// Adds to the current round.
    pub(crate) fn add(&mut self, measure: Measure, contender: Contender, figures: Vec<f64>) {
        if let Some(round) = self.rounds.last_mut() {
            round.insert((measure, contender), figures);
        }
    }

    fn figures(&self, measure: Measure, contender: Contender, column: usize) -> Spread {
        let of_round = |round: &BTreeMap<_, Vec<f64>>| round.get(&(measure, contender))?.get(column).copied();
        Spread::of(self.rounds.iter().filter_map(of_round).collect())
    }

    /// The ratios to the base, round by round, because a slow phase of the machine affects both.
    fn ratios(&self, measure: Measure, contender: Contender, base: Contender, column: usize) -> Spread {
        let of_round = |round: &BTreeMap<_, Vec<f64>>| {
            let figure = |contender| round.get(&(measure, contender))?.get(column).copied();
            Some(figure(contender)? / figure(base)?)
        };
        Spread::of(self.rounds.iter().filter_map(of_round).collect())
    }

    /// The measure's own base, or the rival with the best median.
    fn base(&self, measure: Measure, index: usize, column: Column) -> Option<Contender> {
        let better = |a: &Contender, b: &Contender| {
            let medians = [a, b].map(|&contender| self.figures(measure, contender, index).median);
            let order = medians[0].total_cmp(&medians[1]);
            if column.more_is_better { order } else { order.reverse() }
        };
        let measured = |contender: &Contender| !self.figures(measure, *contender, index).median.is_nan();
        let rivals = measure.contenders().iter().copied().filter(|contender| contender.is_rival()).filter(measured);
        measure.base().or_else(|| rivals.max_by(better))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &measure in Measure::ALL {
            for (index, &column) in measure.columns().iter().enumerate() {
                let measured = |round: &BTreeMap<(Measure, Contender), _>| round.keys().any(|key| key.0 == measure);
                if !self.rounds.iter().any(measured) {
                    continue;
                }
                let Some(base) = self.base(measure, index, column) else { continue };
                let direction = if column.more_is_better { "more" } else { "less" };
                writeln!(f, "\n{}: {} ({direction} is better)\n", measure.name(), column.name)?;
                writeln!(f, "| | median | min – max | ratio to {} | min – max |", base.name())?;
                writeln!(f, "|---|---|---|---|---|")?;
                for &contender in measure.contenders() {
                    let figures = self.figures(measure, contender, index);
                    let ratios = self.ratios(measure, contender, base, index);
                    let version = contender.version().map(|version| format!(" {version}")).unwrap_or_default();
                    writeln!(f, "| {}{version} | {figures} | {ratios} |", contender.name())?;
                }
            }
        }
        Ok(())
    }
}

/// A median with its minimum and maximum; shown as two columns of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.max(1) - 1), at(middle)) };
        Self { least: at(0), median, most: at(values.len().max(1) - 1) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} – {}", Short(self.median), Short(self.least), Short(self.most))
    }
}

/// A figure with about three digits.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0.abs() {
            100.0.. => 0,
            10.0.. => 1,
            1.0.. => 2,
            _ => 3,
        };
        write!(f, "{:.decimals$}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_extremes() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), Spread { least: 1.0, median: 2.0, most: 3.0 });
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut report = Report::default();
        // The machine is half as fast in the second round.
        for slow in [1.0, 2.0, 1.0] {
            report.start_round();
            report.add(Measure::RoundTrip, Contender::Everwire, vec![70.0 * slow, 100.0]);
            report.add(Measure::RoundTrip, Contender::RawTcp, vec![70.0 * slow, 100.0]);
        }
        let ratios = report.ratios(Measure::RoundTrip, Contender::Everwire, Contender::RawTcp, 0);
        assert_eq!(ratios, Spread { least: 1.0, median: 1.0, most: 1.0 });
    }

    #[test]
    fn the_base_is_the_best_rival_in_the_columns_own_direction() {
        let mut report = Report::default();
        report.start_round();
        report.add(Measure::OneWay32, Contender::Yawc, vec![10.0, 200.0]);
        report.add(Measure::OneWay32, Contender::Sockudo, vec![8.0, 150.0]);
        report.add(Measure::OneWay32, Contender::Everwire, vec![30.0, 50.0]);
        let columns = Measure::OneWay32.columns();
        assert_eq!(report.base(Measure::OneWay32, 0, columns[0]), Some(Contender::Yawc));
        assert_eq!(report.base(Measure::OneWay32, 1, columns[1]), Some(Contender::Sockudo));
    }
}
