//! Logs, to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::{ColorArg, LogArgs, LogFormat};
use crate::exit::Failure;
use crate::term;

/// Starts logging what the options ask for, or `default`.
///
/// # Errors
/// If the filter makes no sense.
pub(crate) fn start(args: &LogArgs, default: &str, color: ColorArg) -> Result<(), Failure> {
    let filter = args.log.as_deref().filter(|filter| !filter.trim().is_empty()).unwrap_or(default);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::usage(format!("--log '{filter}': {error}; write a level, or parts like 'info,everwire=debug'"))
    })?;
    let stderr = std::io::stderr();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr.is_terminal() && term::look(color, &stderr).colours)
        .with_writer(std::io::stderr);
    // Only a second start in one process fails, and then the first one holds.
    let _ = match args.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
