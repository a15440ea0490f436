//! The server of all clients with plain WebSocket or `everwire.v1`: prints what it receives.

use axum::Router;
use axum::extract::State;
use axum::routing::{any, get};
use everwire_server::{Server, Session, Sessions, SessionsConfig, Upgrade};
use everwire_ws::Incoming;
use tokio::net::TcpListener;

use super::Done;

pub(crate) fn run() -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "", told);
        let sessions = Sessions::new(SessionsConfig::default())?;
        let plain = any(async |upgrade: Upgrade| upgrade.on_upgrade(heard));
        let app = Router::new().route("/session", get(session)).fallback(plain).with_state(sessions);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Server::new().serve_router(listener, app, std::future::pending()).await;
        Ok(())
    })
}

async fn told(mut session: Session) {
    while let Some(received) = session.recv().await {
        println!("{}", received.message.as_text().unwrap_or_default());
    }
}

async fn heard(mut socket: everwire_server::Socket) {
    while let Ok(Some(incoming)) = socket.recv().await {
        if let Incoming::Message(message) = incoming {
            println!("{}", message.as_text().unwrap_or_default());
        }
    }
}
