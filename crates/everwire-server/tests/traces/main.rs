//! The spans of calls, and the traces that go through them. In a process of its own: what tracing remembers of a place in the
//! code, that nobody wants its spans, is shared with tests that have no subscriber.
#![cfg(all(feature = "axum", feature = "calls"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

#[path = "../session/support.rs"]
#[allow(dead_code, reason = "what the tests of sessions use")]
mod support;
#[path = "../calls/world.rs"]
#[allow(dead_code, reason = "what the tests of calls use")]
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use everwire::CallOptions;
use everwire_server::{Calls, Peer, TraceParent};
use futures_util::{StreamExt, stream};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::world::serve;

/// Each span of calls: its name, and what was said of it.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, Fields>>>);

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().target() == "everwire::calls" {
            let mut fields = Fields::default();
            fields.0.insert("span", attributes.metadata().name().to_owned());
            attributes.record(&mut fields);
            self.0.lock().unwrap().insert(id.into_u64(), fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == "app"
            && let Some(id) = context.current_span().id()
            && let Some(fields) = self.0.lock().unwrap().get_mut(&id.into_u64())
        {
            fields.0.insert("event", "inside".to_owned());
        }
    }
}

impl Spans {
    /// The one span of this kind and name.
    fn find(&self, span: &str, name: &str) -> BTreeMap<&'static str, String> {
        let spans = self.0.lock().unwrap();
        let mut found = spans.values().filter(|fields| fields.0["span"] == span && fields.0["name"] == name);
        let one = found.next().unwrap_or_else(|| panic!("no span {span} of {name} in {spans:?}")).0.clone();
        assert!(found.next().is_none(), "two spans {span} of {name}");
        one
    }
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn each_call_has_a_span_at_either_end_with_its_name_trace_and_outcome() {
    let spans = Spans::default();
    let _tracing = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let calls = Calls::new()
        .call("work", async || {
            tokio::task::yield_now().await;
            tracing::info!(target: "app", "in the handler");
            "done"
        })
        .stream("items", async || {
            stream::iter(["a", "b"]).inspect(|_| tracing::info!(target: "app", "in the handler's stream"))
        })
        // What a handler passes on goes further.
        .call("relay", async |peer: Peer, TraceParent(parent): TraceParent| {
            let options = CallOptions::new().traceparent(parent.unwrap_or_default());
            peer.call_with("back", (), options).await.map_err(|_| everwire_server::Failure::new("back", ""))
        });
    let network = serve(calls).await;
    let back = Calls::new().call("back", async |TraceParent(parent): TraceParent| parent.unwrap_or_default());
    let client = network.builder("").calls(back).build().unwrap();
    let traced = || CallOptions::new().traceparent(PARENT);
    client.call_with("work", (), traced()).await.unwrap();
    assert_eq!(client.stream_with("items", (), traced()).count().await, 2);
    client.call("nothing", ()).await.unwrap_err();
    let relayed = client.call_with("relay", (), traced()).await.unwrap();
    assert_eq!(relayed.as_text(), Some(PARENT));
    for (name, outcome) in [("work", "answered"), ("items", "answered"), ("relay", "answered"), ("back", "answered")] {
        for span in ["call", "handle"] {
            let fields = spans.find(span, name);
            assert_eq!(
                (fields["outcome"].as_str(), fields["traceparent"].as_str()),
                (outcome, PARENT),
                "{span} {name}"
            );
        }
    }
    assert_eq!(spans.find("call", "nothing")["outcome"], "failed");
    assert_eq!(spans.find("handle", "nothing")["outcome"], "refused");
    for name in ["work", "items"] {
        assert_eq!(spans.find("handle", name).get("event").map(String::as_str), Some("inside"), "{name}");
    }
}
