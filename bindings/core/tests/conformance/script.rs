//! What a script says; its keys are those of `bindings/conformance/README.md`.

use std::collections::BTreeMap;

use everwire_bind::{Settings, Value};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[allow(dead_code, reason = "for people")]
    about: String,
    /// Rust's client meets every need.
    #[serde(default)]
    #[allow(dead_code, reason = "for other languages")]
    needs: Vec<String>,
    #[serde(default)]
    pub(crate) schedule: Option<String>,
    #[serde(default)]
    pub(crate) server: ServerOptions,
    #[serde(default)]
    pub(crate) settings: toml::Table,
    #[serde(rename = "step")]
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerOptions {
    pub(crate) close_with: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    Send {
        text: String,
        #[serde(default = "one")]
        count: usize,
        refused: Option<String>,
    },
    Receive {
        text: String,
        #[serde(default = "one")]
        count: usize,
    },
    Outcomes {
        text: String,
        expect: BTreeMap<String, usize>,
    },
    State {
        phase: String,
        code: Option<u16>,
        ended: Option<bool>,
        failed: Option<bool>,
        within_ms: Option<u64>,
    },
    Event {
        kind: String,
    },
    Connections {
        count: u64,
    },
    Fault {
        control: String,
    },
    Server {
        run: bool,
        close_with: Option<u16>,
    },
    Connect,
    Disconnect,
    ReconnectNow,
    Hint {
        hint: String,
    },
    Finish {
        within_ms: u64,
        #[serde(default)]
        unsent: usize,
        #[serde(default)]
        unacknowledged: usize,
    },
    Start {
        #[serde(default)]
        settings: toml::Table,
    },
}

fn one() -> usize {
    1
}

/// The messages of a step.
pub(crate) fn texts(text: &str, count: usize) -> Vec<String> {
    match count {
        1 => vec![text.to_owned()],
        _ => (1..=count).map(|number| format!("{text} {number}")).collect(),
    }
}

/// Sets what a table says.
pub(crate) fn apply(settings: &mut Settings, table: &toml::Table, file: &str) {
    for (name, value) in table {
        settings.set(name, of_toml(value, file)).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn of_toml(value: &toml::Value, file: &str) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.replace("$FILE", file)),
        toml::Value::Integer(number) => Value::Number(*number as f64),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(values) => Value::List(values.iter().map(|value| of_toml(value, file)).collect()),
        other => panic!("no setting is of this kind: {other:?}"),
    }
}
