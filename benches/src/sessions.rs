//! The same server with sessions: it acknowledges the messages that it has processed.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Server, Session, Sessions, SessionsConfig, Upgrade};
use tokio::net::TcpListener;

use crate::process;

pub(crate) fn run() -> Result<(), Box<dyn std::error::Error>> {
    process::pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let sink = async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "", count);
        let echo = async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "", echo_all);
        let sessions = Sessions::new(SessionsConfig::default())?;
        let app = Router::new().route("/sink", get(sink)).route("/echo", get(echo)).with_state(sessions);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Server::new().serve_router(listener, app, std::future::pending()).await;
        Ok(())
    })
}

async fn count(mut session: Session) {
    let mut count = 0_u64;
    while let Some(received) = session.recv().await {
        if received.message.as_text() == Some("end") {
            // An error means that the session has ended; `recv` then ends the loop.
            let _ = session.send(count.to_string());
        } else {
            count += 1;
        }
    }
}

async fn echo_all(mut session: Session) {
    while let Some(received) = session.recv().await {
        let _ = session.send(received.message);
    }
}
