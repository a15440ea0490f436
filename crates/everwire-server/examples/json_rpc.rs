//! JSON-RPC 2.0 in a call: a table of methods that is there already serves as a handler, and a request that is lost with a
//! connection is answered on the next one.
//!
//! `cargo run -p everwire-server --features axum,calls --example json_rpc`

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{Calls, JsonRpc, RpcError, Sessions, SessionsConfig, Upgrade};
use serde_json::{Value, json};

/// The methods, by name.
fn methods() -> JsonRpc {
    JsonRpc::new()
        .method("subtract", async |params: Value| {
            let [from, what]: [i64; 2] = serde_json::from_value(params).map_err(RpcError::invalid_params)?;
            Ok(json!(from - what))
        })
        .method("version", async |_| Ok(json!("1.0")))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Calls::new().call("rpc", methods());
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "guest", calls)
    });
    let app = Router::new().route("/rpc", route).with_state((sessions, calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/rpc", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    // Requests and responses are text, of whatever JSON-RPC client there is.
    let client = Client::builder(url).session(SessionMode::Require).build()?;
    for request in [
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        r#"[{"jsonrpc": "2.0", "method": "version", "id": "a"}, {"jsonrpc": "2.0", "method": "fly", "id": "b"}]"#,
        // A notification, which JSON-RPC does not answer: the reply is empty.
        r#"{"jsonrpc": "2.0", "method": "version"}"#,
    ] {
        let response = client.call("rpc", request).await?;
        println!("response: {}", response.as_text().unwrap_or_default());
    }
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
