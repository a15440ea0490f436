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
            complain(&format!("{count} messages"));
            Ok(Exit::Done)
        }
        // The reader has left, as `head` does.
        Err(error) if is_closed_pipe(&error) => Ok(Exit::Done),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Err(Failure::new(Exit::Failed, format!("{error}{cause} (--data DIR)")))
        }
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
