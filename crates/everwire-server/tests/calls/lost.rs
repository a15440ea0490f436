use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::store::MemoryStore;
use everwire::{CallError, CallOptions, Execution, Resumed, ResumedHandle};
use everwire_server::{
    Calls, Extension, Json, Peer, SessionId, SessionSender, Sessions, SessionsConfig, Watermark, WatermarkError,
    Watermarks,
};
use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use crate::support::until;
use crate::world::{Count, serve, serve_in};

/// What a test lets go on.
type Gate = Arc<Semaphore>;

fn gated(started: &Count, gate: &Gate) -> Calls {
    Calls::new().extension((started.clone(), Arc::clone(gate))).call("ping", async || "pong").call(
        "slow",
        async |Extension((started, gate)): Extension<(Count, Gate)>| {
            started.add();
            gate.acquire().await.unwrap().forget();
            "done"
        },
    )
}

/// [C-14], [C-19]
#[tokio::test]
async fn a_call_whose_session_is_gone_says_so_and_later_ones_run_in_the_next() {
    let (started, gate) = (Count::default(), Gate::new(Semaphore::new(0)));
    let network = serve(gated(&started, &gate)).await;
    let client = network.client("");
    let call = client.call("slow", ());
    until(|| started.get() == 1).await;
    let delivered = client.call("ping", ()).await; // so the word on the message before it has come, or is about to
    assert!(delivered.is_ok());
    // Another server, which knows nothing of the session.
    let other = serve(gated(&started, &gate)).await;
    network.lead_to(&other);
    network.cut();
    let error = call.await.unwrap_err();
    assert!(matches!(error, CallError::Lost(Execution::Taken | Execution::Unknown)), "{error:?}");
    assert_eq!(client.call("ping", ()).await.unwrap().as_text(), Some("pong"));
    assert_eq!(started.get(), 1, "it is not run again");
}

#[tokio::test]
async fn a_program_that_is_started_again_finds_its_calls_and_its_stream_goes_on_at_the_next_item() {
    let (started, gate) = (Count::default(), Gate::new(Semaphore::new(0)));
    let calls =
        gated(&started, &gate).stream("count", async |Json(up_to): Json<u64>| stream::iter((1..=up_to).map(Json)));
    let network = serve(calls).await;
    let store = MemoryStore::default();
    let program = || network.builder("").store(store.clone()).build().unwrap();

    let first = program();
    assert!(first.resume_calls().await.is_empty());
    let call = first.call_with("slow", (), CallOptions::new().key("the-call"));
    let mut stream = first.stream_with("count", Json(100), CallOptions::new().key("the-stream").window(8));
    let unkeyed = first.call("slow", ());
    for expected in 1..=10 {
        assert_eq!(stream.next_json::<u64>().await, Some(Ok(expected)));
    }
    until(|| started.get() == 2).await;
    // The word that nine items are processed is durable, or on its way there.
    first.call("ping", ()).await.unwrap();
    // It crashes: nothing of it says goodbye.
    std::mem::forget((call, stream, unkeyed));
    drop(first);

    let second = program();
    let mut found: BTreeMap<String, Resumed> =
        second.resume_calls().await.into_iter().map(|resumed| (resumed.key.clone(), resumed)).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["the-call", "the-stream"]);
    gate.add_permits(1);
    let ResumedHandle::Call(call) = found.remove("the-call").unwrap().handle else { panic!("a call") };
    assert_eq!(call.await.unwrap().as_text(), Some("done"));
    let resumed = found.remove("the-stream").unwrap();
    assert_eq!(resumed.name, "count");
    let ResumedHandle::Stream(mut stream) = resumed.handle else { panic!("a stream") };
    assert_eq!(stream.position(), 9, "the tenth was given and is not processed");
    for expected in 10..=100 {
        assert_eq!(stream.next_json::<u64>().await, Some(Ok(expected)));
    }
    assert_eq!(stream.next().await, None);
    drop(stream);
    assert_eq!(started.get(), 2, "nothing was run again");

    // All is done with: a third run finds nothing.
    second.call("ping", ()).await.unwrap();
    drop(second);
    assert!(program().resume_calls().await.is_empty());
}

#[tokio::test]
async fn a_call_with_a_key_goes_on_when_it_is_dropped_and_is_found_again() {
    let (started, gate) = (Count::default(), Gate::new(Semaphore::new(0)));
    let network = serve(gated(&started, &gate)).await;
    let client = network.client("");
    drop(client.call_with("slow", (), CallOptions::new().key("k")));
    until(|| started.get() == 1).await;
    let [found] = <[Resumed; 1]>::try_from(client.resume_calls().await).unwrap();
    assert!(client.resume_calls().await.is_empty(), "given once");
    gate.add_permits(1);
    let ResumedHandle::Call(call) = found.handle else { panic!("a call") };
    assert_eq!(call.await.unwrap().as_text(), Some("done"));
    // Its key is free again.
    client.call_with("ping", (), CallOptions::new().key("k")).await.unwrap();
    let cancelled = client.call_with("slow", (), CallOptions::new().key("k"));
    until(|| started.get() == 2).await;
    cancelled.cancel();
    assert!(client.resume_calls().await.is_empty());
}

/// Effects, and how far each session has come: written together.
#[derive(Clone, Debug, Default)]
struct Bank(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    balance: u64,
    watermarks: BTreeMap<(String, String), u64>,
}

impl Bank {
    fn pay(&self, watermark: Watermark, amount: u64) -> u64 {
        let mut rows = self.0.lock().unwrap();
        rows.balance += amount;
        rows.watermarks.insert((watermark.session, watermark.principal), watermark.sequence);
        rows.balance
    }
}

impl Watermarks for Bank {
    fn processed<'a>(
        &'a self,
        session: SessionId,
        principal: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, WatermarkError>> + Send + 'a>> {
        let row = self.0.lock().unwrap().watermarks.get(&(session.to_string(), principal.to_owned())).copied();
        Box::pin(async move { Ok(Some(row.unwrap_or(0))) })
    }
}

/// [C-18]
#[tokio::test]
async fn over_a_crash_of_the_server_each_call_has_its_effect_once() {
    let (bank, committed, gate) = (Bank::default(), Count::default(), Gate::new(Semaphore::new(5)));
    let server = async |gate: &Gate| {
        let sessions = Sessions::with_watermarks(SessionsConfig::default(), bank.clone()).unwrap();
        let pay = async |Json(amount): Json<u64>,
                         watermark: Watermark,
                         Extension((bank, committed, gate)): Extension<(Bank, Count, Gate)>| {
            let balance = bank.pay(watermark, amount);
            committed.add();
            // From the sixth on, the reply is never sent: the server crashes after the commit.
            gate.acquire().await.unwrap().forget();
            Json(balance)
        };
        let calls =
            Calls::new().in_order().extension((bank.clone(), committed.clone(), Arc::clone(gate))).call("pay", pay);
        serve_in(sessions, calls).await
    };
    let network = server(&gate).await;
    let client = network.client("");
    let calls: Vec<_> = (0..20).map(|_| client.call("pay", Json(2))).collect();
    until(|| committed.get() == 6).await;
    let other = server(&Gate::new(Semaphore::new(100))).await;
    network.lead_to(&other);
    network.cut();
    let (mut replies, mut taken) = (0, 0);
    for call in calls {
        match tokio::time::timeout(Duration::from_secs(20), call).await.unwrap() {
            Ok(_) => replies += 1,
            Err(CallError::Lost(Execution::Taken)) => taken += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(bank.0.lock().unwrap().balance, 40, "each once");
    assert_eq!(replies + taken, 20);
    assert!((1..=6).contains(&taken), "{taken}");
}

#[tokio::test]
async fn calls_in_order_run_one_after_another_and_streams_beside_them() {
    let (started, gate) = (Count::default(), Gate::new(Semaphore::new(0)));
    let calls = gated(&started, &gate).in_order().stream("tick", async || stream::iter(["a"]));
    let network = serve(calls).await;
    let client = network.client("");
    let calls: Vec<_> = (0..3).map(|_| client.call("slow", ())).collect();
    let ticks: Vec<_> = client.stream("tick", ()).collect().await;
    assert_eq!(ticks.len(), 1, "a stream does not wait for calls");
    for expected in 1..=3 {
        until(|| started.get() == expected).await;
        client.stream("tick", ()).next().await.unwrap().unwrap();
        assert_eq!(started.get(), expected);
        gate.add_permits(1);
    }
    for call in calls {
        assert_eq!(call.await.unwrap().as_text(), Some("done"));
    }
}

/// [C-18], the other way round: the server's calls to its client.
#[tokio::test]
async fn a_call_that_a_client_runs_in_order_is_acknowledged_when_its_handler_has_ended() {
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let calls = Calls::new()
        .call("ping", async || "pong")
        .call("ask", async |peer: Peer| peer.call("slow", ()).await.is_ok().to_string());
    let network = serve_in(sessions.clone(), calls).await;
    let (started, gate) = (Count::default(), Gate::new(Semaphore::new(0)));
    let client = network.builder("").calls(gated(&started, &gate).in_order()).build().unwrap();
    let asked = client.call("ask", ());
    until(|| started.get() == 1).await;
    let pending = || sessions.all().iter().map(SessionSender::pending).sum::<usize>();
    for _ in 0..3 {
        client.call("ping", ()).await.unwrap();
    }
    assert!(pending() >= 4, "the call, and the replies behind it");
    gate.add_permits(1);
    assert_eq!(asked.await.unwrap().as_text(), Some("true"));
    until(|| pending() == 0).await;
}
