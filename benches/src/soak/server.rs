//! The server of the soak: it echoes in sessions, and reports its tasks and sessions.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Session, Sessions, SessionsConfig, Upgrade};

use super::Done;

/// Prints its address, and serves until it is killed.
pub(crate) fn run() -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = SessionsConfig::default();
        // Each flood leaves a session behind, which should not last long.
        config.session.resume_within = Duration::from_secs(20);
        let sessions = Sessions::new(config)?;
        let sink = async |State(sessions): State<Sessions>, upgrade: Upgrade| {
            sessions.accept(upgrade, "soak", async |mut session: Session| while session.recv().await.is_some() {})
        };
        let echo =
            async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "soak", echo_all);
        let app = Router::new()
            .route("/sink", get(sink))
            .route("/echo", get(echo))
            // Tasks and sessions, for the samples.
            .route(
                "/stats",
                get(async |State(sessions): State<Sessions>| {
                    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
                    format!("{tasks} {}\n", sessions.stats().sessions)
                }),
            )
            .with_state(sessions);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app).await?;
        Ok(())
    })
}

async fn echo_all(mut session: Session) {
    while let Some(received) = session.recv().await {
        // If the outbox of a slow reader is full, its messages are accepted but not echoed.
        let _ = session.send(received.message);
    }
}
