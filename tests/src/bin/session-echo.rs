//! A server that echoes in sessions, for clients in a page: it prints its address, and serves until it is killed.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Origins, Session, Sessions, SessionsConfig, Upgrade};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let route = get(async |State(sessions): State<Sessions>, upgrade: Upgrade| {
        // The page itself comes from another server.
        sessions.accept(upgrade.origins(Origins::any()), "page", echo)
    });
    let app = Router::new().route("/", route).with_state(Sessions::new(SessionsConfig::default())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn echo(mut session: Session) {
    while let Some(received) = session.recv().await {
        if session.sender().send_wait(received.message).await.is_err() {
            return;
        }
    }
}
