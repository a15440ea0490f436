use everwire::{Cause, Closed};

use crate::term::{BadInput, Gone};

/// Why a session's waiting ended.
pub(super) enum End {
    /// What was waited for has come.
    Reached,
    /// As many messages as were wanted were received.
    Enough,
    /// Ctrl-C or a signal.
    Stopped,
    /// The client ended.
    Final(Closed),
    /// There never was a connection, and what answers is not what could make one.
    Hopeless(Cause),
    /// Nobody takes the output any more.
    Output(Gone),
    /// Stdin can't be sent.
    BadInput(BadInput),
}
