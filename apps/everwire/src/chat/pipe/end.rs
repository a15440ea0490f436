use everwire::Closed;

use crate::term::{BadInput, Gone};

/// Why a session's waiting ended.
pub(super) enum End {
    /// The awaited condition was reached.
    Reached,
    /// Ctrl-C or a signal.
    Stopped,
    /// The client ended.
    Final(Closed),
    /// The output can't be written any more.
    Output(Gone),
    /// Stdin can't be sent.
    BadInput(BadInput),
}
