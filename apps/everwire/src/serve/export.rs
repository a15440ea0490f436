//! `everwire export`.

use std::error::Error;
use std::io::{BufWriter, ErrorKind, stdout};
use std::path::Path;

use everwire_chat_server::ExportError;

use crate::exit::{Exit, Failure};
use crate::term::complain;

pub(crate) fn export(data: &Path, room: Option<&str>) -> Result<Exit, Failure> {
    match everwire_chat_server::export(data, room, BufWriter::new(stdout().lock())) {
        Ok(count) => {
            complain(&if count == 1 { "1 message".to_owned() } else { format!("{count} messages") });
            Ok(Exit::Done)
        }
        // The reader has closed the pipe, as `head` does.
        Err(error) if is_closed_pipe(&error) => Ok(Exit::Done),
        Err(ExportError::Open(error)) => Err(super::unusable(&error)),
        Err(error) => Err(Failure::new(Exit::Failed, super::described(&error))),
    }
}

fn is_closed_pipe(error: &ExportError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}
