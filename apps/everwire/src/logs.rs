//! Logging to stderr.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::args::{ColorArg, LogArgs, LogFormat};
use crate::exit::Failure;
use crate::term;

/// The most lines that wait until stderr is read; further ones are lost, and counted.
const WAITING: usize = 8192;

/// How often the log reports that lines were lost.
const TELL_LOST: Duration = Duration::from_secs(10);

static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// How lines are written to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteMode {
    /// At once: the thread that logs waits until the line is written.
    Direct,
    /// By a thread of its own: no other thread waits for stderr, and lines beyond the queue's bound are lost.
    Background,
}

/// Keeps the logging alive; dropping it writes the lines that wait, for a second at most.
#[must_use]
pub(crate) struct Logging(#[expect(dead_code, reason = "held for its end")] Option<WorkerGuard>);

/// Starts logging what the options ask for, or `default`.
///
/// # Errors
/// If the filter is not valid.
pub(crate) fn start(args: &LogArgs, default: &str, color: ColorArg, mode: WriteMode) -> Result<Logging, Failure> {
    let filter = args.log.as_deref().filter(|filter| !filter.trim().is_empty()).unwrap_or(default);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::usage(format!("--log '{filter}': {error}; write a level, or parts like 'info,everwire=debug'"))
    })?;
    let stderr = std::io::stderr();
    let colours = stderr.is_terminal() && term::look(color, &stderr).colours;
    let (writer, guard) = match mode {
        WriteMode::Direct => (BoxMakeWriter::new(std::io::stderr), None),
        WriteMode::Background => {
            let (writer, guard) = in_background();
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(writer);
    // Only a second start in one process fails, and then the first one stays.
    let _ = match args.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(Logging(guard))
}

fn in_background() -> (NonBlocking, WorkerGuard) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING).thread_name("everwire-logs");
    let (writer, guard) = builder.finish(std::io::stderr());
    let _ = LOST.set(writer.error_counter());
    (writer, guard)
}

/// The number of lines that were lost since the start.
pub(crate) fn lost() -> u64 {
    LOST.get().map_or(0, |lost| u64::try_from(lost.dropped_lines()).unwrap_or(u64::MAX))
}

/// Logs how many lines were lost, again and again; never ends.
pub(crate) async fn tell_lost() {
    let mut told = 0;
    let mut pace = tokio::time::interval(TELL_LOST);
    loop {
        pace.tick().await;
        let lost = lost();
        if lost > told {
            tracing::warn!(lines = lost - told, "log lines were lost: stderr is not read fast enough");
            told = lost;
        }
    }
}
