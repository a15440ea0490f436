use everwire::{Cause, Closed};

use crate::term::{BadInput, Gone};

/// Why a session's waiting ended.
pub(super) enum End {
    /// The awaited condition was reached.
    Reached,
    /// The wanted number of messages was received.
    Enough,
    /// Ctrl-C or a signal.
    Stopped,
    /// The client ended.
    Final(Closed),
    /// There never was a connection, and the server's answer shows that there can't be one.
    Hopeless(Cause),
    /// The output can't be written any more.
    Output(Gone),
    /// Stdin can't be sent.
    BadInput(BadInput),
}
