//! A server of calls and streams, for clients in a page: it prints its address, and serves until it is killed.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Calls, Json, JsonRpc, Origins, RpcError, Sessions, SessionsConfig, Upgrade};
use futures_util::stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let methods = JsonRpc::new().method("subtract", async |params: serde_json::Value| {
        let [from, what]: [i64; 2] = serde_json::from_value(params).map_err(RpcError::invalid_params)?;
        Ok(serde_json::json!(from - what))
    });
    let calls = Calls::new()
        .call("double", async |Json(number): Json<u64>| Json(number * 2))
        .call("broken", async || -> Result<(), everwire_server::Failure> {
            Err(everwire_server::Failure::new("broken", "on purpose"))
        })
        .call("rpc", methods)
        .call("never", async || std::future::pending::<()>().await)
        .stream("count", async |Json(up_to): Json<u64>| {
            stream::iter((1..=up_to).map(|number| format!("{number:>1000}")))
        });
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        // The page itself comes from another server.
        sessions.accept_calls(upgrade.origins(Origins::any()), "page", calls)
    });
    let app = Router::new().route("/", route).with_state((sessions, calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
