use everwire::Closed;

use crate::term::{BadInput, Gone};

/// Why a session's waiting ended.
pub(super) enum End {
    /// What was waited for has come.
    Reached,
    /// Ctrl-C or a signal.
    Stopped,
    /// The client ended.
    Final(Closed),
    /// Nobody takes the output any more.
    Output(Gone),
    /// Stdin can't be sent.
    BadInput(BadInput),
}
