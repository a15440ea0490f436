use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const CONNECTIONS: &str = "everwire_server_connections";
pub(super) const ACCEPTED: &str = "everwire_server_connections_accepted_total";
pub(super) const REFUSED: &str = "everwire_server_connections_refused_total";
pub(super) const TIMED_OUT: &str = "everwire_server_connections_timed_out_total";
pub(super) const STATE: &str = "everwire_server_sessions";
pub(super) const SESSIONS: &str = "everwire_server_sessions_total";
pub(super) const SESSIONS_ENDED: &str = "everwire_server_sessions_ended_total";
pub(super) const SESSIONS_REFUSED: &str = "everwire_server_sessions_refused_total";
pub(super) const RECEIVED: &str = "everwire_server_messages_received_total";
pub(super) const SENT: &str = "everwire_server_messages_sent_total";
pub(super) const ENDED: &str = "everwire_server_messages_ended_total";
pub(super) const HELD: &str = "everwire_server_held_messages";
pub(super) const HELD_BYTES: &str = "everwire_server_held_bytes";
pub(super) const UNPROCESSED: &str = "everwire_server_unprocessed_messages";
pub(super) const ACKNOWLEDGED: &str = "everwire_server_acknowledgement_seconds";

/// The label's values, in the order of `index` in `session`.
pub(super) const OUTCOMES: [&str; 8] =
    ["acknowledged", "received", "expired", "dropped", "rejected", "cancelled", "unknown", "stored"];

/// What an accept loop's metrics mean, for exporters that tell their readers.
pub(super) fn describe_connections() {
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections, WebSockets included");
    describe_counter!(ACCEPTED, Unit::Count, "Connections that were accepted");
    describe_counter!(REFUSED, Unit::Count, "Connections that were refused because a limit was reached");
    describe_counter!(TIMED_OUT, Unit::Count, "Connections cut because a step of their opening took too long");
}

/// The same for sessions.
pub(super) fn describe_sessions() {
    describe_gauge!(STATE, Unit::Count, "Sessions, with a connection or waiting for one");
    describe_counter!(
        SESSIONS,
        Unit::Count,
        "Connections that opened a session, resumed one, or fenced an older connection"
    );
    describe_counter!(SESSIONS_ENDED, Unit::Count, "Sessions that are over, by reason");
    describe_counter!(SESSIONS_REFUSED, Unit::Count, "Connections that were given no session, by reason");
    describe_counter!(RECEIVED, Unit::Count, "Messages given to the application, each once");
    describe_counter!(SENT, Unit::Count, "Messages handed to a socket, those sent again included");
    describe_counter!(ENDED, Unit::Count, "Messages to clients that have ended, by outcome");
    describe_gauge!(HELD, Unit::Count, "Messages to clients that are not acknowledged");
    describe_gauge!(HELD_BYTES, Unit::Bytes, "Payload of the messages that are held");
    describe_gauge!(UNPROCESSED, Unit::Count, "Messages of clients that the application has not processed");
    describe_histogram!(
        ACKNOWLEDGED,
        Unit::Seconds,
        "From a message's writing to its acknowledgement, one at a time and session"
    );
}
