use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const STATE: &str = "everwire_client_state";
pub(super) const ATTEMPTS: &str = "everwire_client_attempts_total";
pub(super) const ATTEMPTS_FAILED: &str = "everwire_client_attempts_failed_total";
pub(super) const CONNECTIONS: &str = "everwire_client_connections_total";
pub(super) const RECONNECTS: &str = "everwire_client_reconnects_total";
pub(super) const DISCONNECTS: &str = "everwire_client_disconnects_total";
pub(super) const OUTAGE: &str = "everwire_client_outage_seconds";
pub(super) const ROUND_TRIP: &str = "everwire_client_round_trip_seconds";
pub(super) const SESSIONS: &str = "everwire_client_sessions_total";
pub(super) const SENT: &str = "everwire_client_messages_sent_total";
pub(super) const RESENT: &str = "everwire_client_messages_resent_total";
pub(super) const RECEIVED: &str = "everwire_client_messages_received_total";
pub(super) const DISCARDED: &str = "everwire_client_messages_discarded_total";
pub(super) const ENDED: &str = "everwire_client_messages_ended_total";
pub(super) const BYTES_SENT: &str = "everwire_client_bytes_sent_total";
pub(super) const BYTES_RECEIVED: &str = "everwire_client_bytes_received_total";
pub(super) const QUEUED: &str = "everwire_client_queued_messages";
pub(super) const QUEUED_BYTES: &str = "everwire_client_queued_bytes";
pub(super) const IN_FLIGHT: &str = "everwire_client_in_flight_messages";
pub(super) const IN_FLIGHT_BYTES: &str = "everwire_client_in_flight_bytes";
pub(super) const INBOX: &str = "everwire_client_inbox_messages";
pub(super) const STORE_FAILED: &str = "everwire_client_store_failures_total";
pub(super) const STORE_SECONDS: &str = "everwire_client_store_batch_seconds";

/// What each means, for exporters that tell their readers.
pub(super) fn describe() {
    describe_gauge!(STATE, Unit::Count, "Clients in this state");
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts to connect that were started");
    describe_counter!(ATTEMPTS_FAILED, Unit::Count, "Attempts that failed, by the phase that they had reached");
    describe_counter!(CONNECTIONS, Unit::Count, "Connections that opened");
    describe_counter!(RECONNECTS, Unit::Count, "Connections that opened after their client's first one");
    describe_counter!(DISCONNECTS, Unit::Count, "Connections that ended, by cause");
    describe_histogram!(OUTAGE, Unit::Seconds, "From the loss of a connection to the next one, once that is open");
    describe_histogram!(ROUND_TRIP, Unit::Seconds, "Round trips by ping and pong, at most one a second and client");
    describe_counter!(SESSIONS, Unit::Count, "Sessions that were opened, resumed or found to be gone");
    describe_counter!(SENT, Unit::Count, "Messages handed to a socket, those sent again included");
    describe_counter!(RESENT, Unit::Count, "Messages sent again after a loss");
    describe_counter!(RECEIVED, Unit::Count, "Messages received");
    describe_counter!(DISCARDED, Unit::Count, "Received messages discarded because nobody read them");
    describe_counter!(ENDED, Unit::Count, "Messages that have ended, by outcome");
    describe_counter!(BYTES_SENT, Unit::Bytes, "Payload handed to a socket");
    describe_counter!(BYTES_RECEIVED, Unit::Bytes, "Payload received");
    describe_gauge!(QUEUED, Unit::Count, "Messages that wait for a socket");
    describe_gauge!(QUEUED_BYTES, Unit::Bytes, "Payload that waits for a socket");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Messages handed to a socket, not proven or acknowledged");
    describe_gauge!(IN_FLIGHT_BYTES, Unit::Bytes, "Payload of the messages in flight");
    describe_gauge!(INBOX, Unit::Count, "Received messages that wait for the application");
    describe_counter!(STORE_FAILED, Unit::Count, "Batches that the store could not make durable; each is tried again");
    describe_histogram!(STORE_SECONDS, Unit::Seconds, "Time until the store had made one batch durable");
}
