use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{CallError, CallOptions, Client, Execution, SessionMode};
use everwire_server::{Calls, Extension, Failure, Json, JsonRpc, Peer, RpcError, TraceParent, call_codes};
use futures_util::{StreamExt, stream};

use crate::support::until;
use crate::world::{Count, serve};

fn numbers() -> Calls {
    Calls::new()
        .call("sum", async |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>()))
        .call("fail", async || -> Result<(), Failure> { Err(Failure::new("tired", "not today")) })
        .stream("count", async |Json(up_to): Json<u64>| stream::iter((1..=up_to).map(Json)))
}

#[tokio::test]
async fn calls_get_their_replies_and_errors_their_words() {
    let network = serve(numbers()).await;
    let client = network.client("");
    assert_eq!(client.call("sum", Json([1, 2, 3])).json::<i64>().await, Ok(6));
    let error = client.call("fail", ()).await.unwrap_err();
    assert_eq!(error, CallError::Failed(Failure::new("tired", "not today")));
    let failed = async |name: &str, payload: &str| {
        let error = client.call(name, payload).await.unwrap_err();
        assert_eq!(error.execution(), Execution::NotRun);
        error.failure().unwrap().code.clone()
    };
    assert_eq!(failed("some", "").await, call_codes::UNKNOWN_NAME);
    assert_eq!(failed("count", "").await, call_codes::UNKNOWN_NAME);
    assert_eq!(failed("sum", "[1,").await, call_codes::BAD_PAYLOAD);
    assert!(matches!(client.call("sum", Json([1])).json::<String>().await, Err(CallError::BadReply(_))));
    assert_eq!(client.calls().open_calls(), 0);
}

#[tokio::test]
async fn a_stream_gives_its_items_in_order_and_then_ends() {
    let network = serve(numbers()).await;
    let client = network.client("");
    let items: Vec<_> = client.stream("count", Json(1_000)).map(|item| item.unwrap()).collect().await;
    let expected: Vec<_> = (1..=1_000).map(|number: u64| number.to_string()).collect();
    assert_eq!(items.iter().map(|item| item.as_text().unwrap().to_owned()).collect::<Vec<_>>(), expected);
    let mut failing = client.stream("some", ());
    assert!(failing.next().await.unwrap().is_err());
    assert!(failing.next().await.is_none(), "an error is the end");
}

/// The promise: at most once, one reply each, through whatever the network does.
#[tokio::test]
async fn calls_and_streams_go_on_through_cuts_and_each_call_runs_once() {
    let runs = Arc::new(Mutex::new(Vec::<u64>::new()));
    let calls = Calls::new()
        .extension(Arc::clone(&runs))
        .call("double", async |Json(number): Json<u64>, Extension(runs): Extension<Arc<Mutex<Vec<u64>>>>| {
            runs.lock().unwrap().push(number);
            tokio::time::sleep(Duration::from_millis(number % 7)).await;
            Json(number * 2)
        })
        .stream("count", async |Json(up_to): Json<u64>| {
            stream::iter(1..=up_to).then(async |number| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Json(number)
            })
        });
    let network = serve(calls).await;
    let client = network.client("");
    let cutting = tokio::spawn({
        let network = network.clone();
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(15)).await;
                network.cut();
            }
        }
    });
    let stream = tokio::spawn({
        let mut stream = client.stream_with("count", Json(300), CallOptions::new().window(16));
        async move {
            let mut got = Vec::new();
            while let Some(item) = stream.next_json::<u64>().await {
                got.push(item.unwrap());
            }
            got
        }
    });
    for round in 0..10_u64 {
        let calls: Vec<_> = (0..30).map(|number| client.call("double", Json(round * 30 + number))).collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.json::<u64>().await, Ok((round * 30 + number as u64) * 2));
        }
    }
    assert_eq!(stream.await.unwrap(), (1..=300).collect::<Vec<_>>());
    cutting.abort();
    let mut runs = runs.lock().unwrap().clone();
    assert!(*network.connections.lock().unwrap() > 3, "the network was cut");
    runs.sort_unstable();
    assert_eq!(runs, (0..300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other_and_its_handler_waits() {
    let made = Count::default();
    let calls = Calls::new().extension(made.clone()).call("ping", async || "pong").stream(
        "endless",
        async |Extension(made): Extension<Count>| {
            stream::repeat_with(move || {
                made.add();
                "x"
            })
        },
    );
    let network = serve(calls).await;
    let client = network.client("");
    let unread = client.stream_with("endless", (), CallOptions::new().window(8));
    until(|| made.get() == 8).await;
    for _ in 0..100 {
        assert_eq!(client.call("ping", ()).await.unwrap().as_text(), Some("pong"));
    }
    assert_eq!(made.get(), 8, "no item is made for which there is no room");
    drop(unread);
}

#[tokio::test]
async fn a_handler_calls_its_caller_back() {
    let calls = Calls::new().call("greet", async |peer: Peer| {
        let name = peer.call("name", ()).await.map_err(|error| Failure::new("nameless", error.to_string()))?;
        Ok::<_, Failure>(format!("hello {}", name.as_text().unwrap_or("you")))
    });
    let network = serve(calls).await;
    let client = network.builder("").calls(Calls::new().call("name", async || "ben")).build().unwrap();
    assert_eq!(client.call("greet", ()).await.unwrap().as_text(), Some("hello ben"));
    // One without that handler says so.
    let other = network.client("");
    let error = other.call("greet", ()).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code, "nameless");
}

#[tokio::test]
async fn a_trace_is_passed_on() {
    let calls = Calls::new().call("trace", async |TraceParent(parent): TraceParent| parent.unwrap_or_default());
    let network = serve(calls).await;
    let client = network.client("");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let reply = client.call_with("trace", (), CallOptions::new().traceparent(parent)).await.unwrap();
    assert_eq!(reply.as_text(), Some(parent));
}

#[tokio::test]
async fn messages_that_are_no_calls_come_beside_them() {
    let sessions = everwire_server::Sessions::new(everwire_server::SessionsConfig::default()).unwrap();
    let accept = async |axum::extract::State(sessions): axum::extract::State<everwire_server::Sessions>,
                        upgrade: everwire_server::Upgrade| {
        sessions.accept_calls_with(upgrade, "ana", numbers(), async |peer| {
            let mut own = peer.messages();
            let said = own.next().await.unwrap();
            assert_eq!(said.as_text(), Some("@ is where it is"));
            assert_eq!(peer.call("heard", said).await.unwrap().as_text(), Some("yes"));
        })
    };
    let app = axum::Router::new().route("/", axum::routing::get(accept)).with_state(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let heard = Arc::new(Mutex::new(BTreeSet::<String>::new()));
    let calls = Calls::new().extension(Arc::clone(&heard)).call(
        "heard",
        async |said: String, Extension(heard): Extension<Arc<Mutex<BTreeSet<String>>>>| {
            heard.lock().unwrap().insert(said);
            "yes"
        },
    );
    let client = Client::builder(url).session(SessionMode::Require).calls(calls).build().unwrap();
    drop(client.send(everwire::own_message("@ is where it is")).unwrap());
    assert_eq!(client.call("sum", Json([1])).json::<i64>().await, Ok(1));
    until(|| heard.lock().unwrap().contains("@ is where it is")).await;
}

#[tokio::test]
async fn a_table_of_json_rpc_methods_serves_as_a_handler() {
    let methods = JsonRpc::new().method("subtract", async |params: serde_json::Value| {
        let [from, what]: [i64; 2] = serde_json::from_value(params).map_err(RpcError::invalid_params)?;
        Ok(serde_json::json!(from - what))
    });
    let network = serve(Calls::new().call("rpc", methods)).await;
    let client = network.client("");
    let reply = client.call("rpc", r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#).await.unwrap();
    assert_eq!(reply.as_text(), Some(r#"{"jsonrpc":"2.0","result":19,"id":1}"#));
    let notified = client.call("rpc", r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23]}"#).await.unwrap();
    assert!(notified.is_empty());
}
