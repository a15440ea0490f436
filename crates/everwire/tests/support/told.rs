//! What a program has told a recorder of the facade `metrics`.
#![allow(clippy::expect_used, dead_code, reason = "a test fails by panicking, and uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// All that was ever told to one recorder, added up.
pub(crate) struct Told {
    snapshotter: Snapshotter,
    sums: BTreeMap<String, f64>,
    /// How often each histogram was told something.
    records: BTreeMap<String, usize>,
}

impl Told {
    pub(crate) fn by(recorder: &DebuggingRecorder) -> Self {
        Self { snapshotter: recorder.snapshotter(), sums: BTreeMap::new(), records: BTreeMap::new() }
    }

    /// The document's tables have each of the metrics, and are right about them: calls have a table of their own.
    #[track_caller]
    pub(crate) fn assert_documented(&self) {
        let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md"));
        let document = document.expect("docs/metrics.md");
        let (calls, others) = table(&self.snapshotter);
        for table in [calls, others] {
            assert!(document.contains(&table), "docs/metrics.md should contain:\n{table}");
        }
    }

    /// The sum over all labels that begin with this, like `name{state=connected}`.
    pub(crate) fn sum(&mut self, of: &str) -> f64 {
        self.read();
        self.sums.iter().filter(|(name, _)| name.starts_with(of)).map(|(_, sum)| sum).sum()
    }

    pub(crate) fn records(&mut self, of: &str) -> usize {
        self.read();
        self.records.iter().filter(|(name, _)| name.starts_with(of)).map(|(_, records)| records).sum()
    }

    /// A snapshot sets everything to zero, gauges too.
    fn read(&mut self) {
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let labels: Vec<_> = key.key().labels().filter(|label| label.key() != "server").collect();
            let labels: Vec<_> = labels.iter().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let name = format!("{}{{{}}}", key.key().name(), labels.join(","));
            let sum = self.sums.entry(name.clone()).or_default();
            match value {
                #[allow(clippy::cast_precision_loss, reason = "tests count little")]
                DebugValue::Counter(count) => *sum += count as f64,
                DebugValue::Gauge(change) => *sum += change.into_inner(),
                DebugValue::Histogram(values) => {
                    *sum += values.iter().map(|value| value.into_inner()).sum::<f64>();
                    *self.records.entry(name).or_default() += values.len();
                }
            }
        }
    }
}

/// The rows of the document, by name: those of calls, and the others.
fn table(snapshotter: &Snapshotter) -> (String, String) {
    let mut rows = BTreeMap::<String, (String, BTreeMap<String, BTreeSet<String>>, String)>::new();
    for (key, unit, meaning, _) in snapshotter.snapshot().into_vec() {
        let kind = match key.kind() {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let unit = unit.expect("a unit").as_str();
        let row = rows.entry(key.key().name().to_owned()).or_default();
        (row.0, row.2) = (format!("{kind} | {unit}"), meaning.expect("a description").to_string());
        for label in key.key().labels() {
            row.1.entry(label.key().to_owned()).or_default().insert(label.value().to_owned());
        }
    }
    let labels = |labels: &BTreeMap<String, BTreeSet<String>>| {
        let labels = labels.iter().map(|(name, values)| match name.as_str() {
            "server" | "handler" => format!("`{name}`"),
            _ => format!("`{name}`: {}", values.iter().cloned().collect::<Vec<_>>().join(", ")),
        });
        labels.collect::<Vec<_>>().join("; ")
    };
    let mut tables = (String::new(), String::new());
    for (name, (kind, with, meaning)) in &rows {
        let is_of_calls = name.contains("_call") || name.contains("_stream_items_");
        let table = if is_of_calls { &mut tables.0 } else { &mut tables.1 };
        table.push_str(&format!("| `{name}` | {kind} | {} | {meaning} |\n", labels(with)));
    }
    tables
}
