//! The chat inside an axum application of your own, beside other routes. The history is in memory; give it a folder by
//! `ServerConfig::with_data`.
//!
//! `cargo run -p everwire-chat-server --example embedded`

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use everwire_chat::ChatClient;
use everwire_chat_server::{ChatServer, ServerConfig, listen};
use everwire_server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let chat = ChatServer::open(ServerConfig::default())?;
    let app = Router::new().route("/version", get(async || env!("CARGO_PKG_VERSION"))).merge(chat.router());
    let listener = listen("127.0.0.1:0".parse()?).await?;
    let address = listener.local_addr()?;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        tokio::select! {
            // It sends members away when it ends.
            _ = Server::new().serve_router(listener, app, async { drop(stopped.await) }) => {}
            // Ages out old messages, renews certificates, and the like.
            () = chat.run_maintenance() => {}
        }
        chat.close().await;
    });

    let ana = ChatClient::builder(format!("ws://{address}/ws"), "ana").room("den").build()?;
    ana.send("is anybody here?")?;
    while !ana.entries().iter().all(|entry| entry.status.is_sent()) {
        ana.updates().next().await;
    }
    println!("ana's message is stored");
    ana.close(Duration::from_secs(5)).await;
    let _ = stop.send(());
    serving.await?;
    println!("the application has ended");
    Ok(())
}
