//! `everwire backup` and `everwire restore`.

use std::path::Path;

use everwire_chat_server::{BackupError, RestoreError};

use super::{described, unusable};
use crate::exit::{Exit, Failure};
use crate::term::complain;

pub(crate) fn backup(data: &Path, file: &Path) -> Result<Exit, Failure> {
    let count = everwire_chat_server::backup(data, file).map_err(|error| match &error {
        BackupError::Open(error) => unusable(error),
        // About the copy, as it says.
        _ => Failure::new(Exit::Failed, described(&error)),
    })?;
    complain(&format!("{} in {}", messages(count), file.display()));
    Ok(Exit::Done)
}

pub(crate) fn restore(data: &Path, file: &Path) -> Result<Exit, Failure> {
    let restored = everwire_chat_server::restore(file, data).map_err(|error| match &error {
        RestoreError::Open(error) => unusable(error),
        _ => Failure::new(Exit::Failed, described(&error)),
    })?;
    complain(&format!("{} restored; clients load them anew, and users sign in again", messages(restored.messages)));
    if let Some(before) = restored.before {
        complain(&format!(
            "what was there before is in {}: remove it when you do not need it any more",
            before.display()
        ));
    }
    Ok(Exit::Done)
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message is".to_owned() } else { format!("{count} messages are") }
}
