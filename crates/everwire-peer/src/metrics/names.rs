use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The names of one end.
pub(super) struct Names {
    pub(super) made: &'static str,
    pub(super) ended: &'static str,
    pub(super) open: &'static str,
    pub(super) call_seconds: &'static str,
    pub(super) items_received: &'static str,
    pub(super) received: &'static str,
    pub(super) handled: &'static str,
    pub(super) refused: &'static str,
    pub(super) running: &'static str,
    pub(super) handler_seconds: &'static str,
    pub(super) items_sent: &'static str,
}

pub(super) const CLIENT: Names = Names {
    made: "everwire_client_calls_made_total",
    ended: "everwire_client_calls_ended_total",
    open: "everwire_client_calls_open",
    call_seconds: "everwire_client_call_seconds",
    items_received: "everwire_client_stream_items_received_total",
    received: "everwire_client_calls_received_total",
    handled: "everwire_client_calls_handled_total",
    refused: "everwire_client_calls_refused_total",
    running: "everwire_client_calls_running",
    handler_seconds: "everwire_client_call_handler_seconds",
    items_sent: "everwire_client_stream_items_sent_total",
};

pub(super) const SERVER: Names = Names {
    made: "everwire_server_calls_made_total",
    ended: "everwire_server_calls_ended_total",
    open: "everwire_server_calls_open",
    call_seconds: "everwire_server_call_seconds",
    items_received: "everwire_server_stream_items_received_total",
    received: "everwire_server_calls_received_total",
    handled: "everwire_server_calls_handled_total",
    refused: "everwire_server_calls_refused_total",
    running: "everwire_server_calls_running",
    handler_seconds: "everwire_server_call_handler_seconds",
    items_sent: "everwire_server_stream_items_sent_total",
};

/// What each means, for exporters that tell their readers.
pub(super) fn describe(names: &Names) {
    describe_counter!(names.made, Unit::Count, "Calls and streams that this end has made");
    describe_counter!(names.ended, Unit::Count, "Calls and streams of this end that have ended, by outcome");
    describe_gauge!(names.open, Unit::Count, "Calls and streams of this end that are open");
    describe_histogram!(names.call_seconds, Unit::Seconds, "From the making of a call to its reply or error");
    describe_counter!(names.items_received, Unit::Count, "Items received of streams that this end has opened");
    describe_counter!(names.received, Unit::Count, "Calls and streams of the other end that were given to a handler");
    describe_counter!(
        names.handled,
        Unit::Count,
        "Calls and streams of the other end whose handler has ended, by outcome"
    );
    describe_counter!(names.refused, Unit::Count, "Calls and streams of the other end beyond a limit of this one");
    describe_gauge!(names.running, Unit::Count, "Handlers that run now");
    describe_histogram!(names.handler_seconds, Unit::Seconds, "From the start of a call's handler to its end");
    describe_counter!(names.items_sent, Unit::Count, "Items sent by handlers of this end");
}
