//! The adapter for JSON-RPC 2.0 with a foreign implementation, `json-rpc-2.0` for JavaScript.

use axum::Router;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{Calls, JsonRpc, RpcError, Sessions, SessionsConfig, Upgrade};
use everwire_tests::Process;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A client of a server whose call `rpc` is handled by a table of methods.
async fn table() -> Client {
    let methods = JsonRpc::new()
        .method("subtract", async |params: Value| {
            let [from, what]: [i64; 2] = match params.get("minuend") {
                Some(minuend) => serde_json::from_value(json!([minuend, params["subtrahend"]])),
                None => serde_json::from_value(params),
            }
            .map_err(RpcError::invalid_params)?;
            Ok(json!(from - what))
        })
        .method("panic", async |_| panic!("on purpose"))
        .method("update", async |_| Ok(Value::Null));
    let calls = Calls::new().call("rpc", methods);
    let sessions = Sessions::new(SessionsConfig::default()).expect("the defaults are possible");
    let accept = get(async move |upgrade: Upgrade| sessions.accept_calls(upgrade, "table", calls));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("ws://{}/", listener.local_addr().expect("it listens"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", accept)).await });
    Client::builder(url).session(SessionMode::Require).build().expect("the address is one")
}

/// The response of the table, over a call; `None` for a notification.
async fn ask(client: &Client, request: &str) -> Option<String> {
    let reply = client.call("rpc", request).await.expect("the call is answered");
    let text = reply.as_text().expect("JSON is text").to_owned();
    (!text.is_empty()).then_some(text)
}

async fn next(peer: &mut Process) -> Value {
    serde_json::from_str(&peer.line().await).expect("a line is JSON")
}

#[tokio::test]
async fn a_foreign_client_gets_the_results_of_its_requests() {
    let client = table().await;
    let mut peer = Process::node("json-rpc.mjs", &[]);
    peer.type_line(r#"{"run":true}"#).await;
    let results = loop {
        let line = next(&mut peer).await;
        match line["request"].as_str() {
            Some(request) => {
                if let Some(response) = ask(&client, request).await {
                    peer.type_line(&json!({ "response": response }).to_string()).await;
                }
            }
            None => break line["results"].clone(),
        }
    };
    let batch = json!([["first", 2], ["second", -32601]]);
    assert_eq!(results, json!([19, 19, -32601, -32602, -32603, [0, 1, 2, 3], batch]));
}

/// The parts of a response that are compared: its id, the result, and the code of an error.
fn essence(response: &Value) -> Value {
    match response {
        Value::Array(batch) => batch.iter().map(essence).collect(),
        response => json!([response["jsonrpc"], response["id"], response["result"], response["error"]["code"]]),
    }
}

#[tokio::test]
async fn it_answers_like_a_foreign_server() {
    let client = table().await;
    let mut peer = Process::node("json-rpc.mjs", &[]);
    for request in [
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": "a"}"#,
        r#"{"jsonrpc": "2.0", "method": "update", "params": [1]}"#,
        r#"{"jsonrpc": "2.0", "method": "foobar"}"#,
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [3, 1], "id": null}"#,
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [3, 1], "id": 1.5}"#,
        r#"{"jsonrpc": "1.0", "method": "subtract", "params": [3, 1], "id": 4}"#,
        r#"{"method": "subtract", "params": [3, 1], "id": 4}"#,
        r#"{"jsonrpc": "2.0", "method": "update", "params": null, "id": 4}"#,
        "1",
        "[]",
        "[1, 2, 3]",
        r#"[{"jsonrpc": "2.0", "method": "update"}, {"jsonrpc": "2.0", "method": "update"}]"#,
        r#"[
            {"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": "2"},
            {"jsonrpc": "2.0", "method": "update", "params": [7]},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foobar", "id": "5"}
        ]"#,
    ] {
        peer.type_line(&json!({ "serve": request }).to_string()).await;
        let theirs = next(&mut peer).await["answer"].clone();
        let ours =
            ask(&client, request).await.map_or(Value::Null, |response| serde_json::from_str(&response).expect("JSON"));
        match theirs {
            Value::Null => assert_eq!(ours, Value::Null, "{request}"),
            theirs => assert_eq!(essence(&ours), essence(&theirs), "{request}"),
        }
    }
}
