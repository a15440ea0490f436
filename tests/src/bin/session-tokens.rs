//! A server that answers each message of a session as a language model would: token by token. For the example of the npm
//! package; it prints its address, and serves until it is killed.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Origins, Session, Sessions, SessionsConfig, Upgrade};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let route = get(async |State(sessions): State<Sessions>, upgrade: Upgrade| {
        // The page itself comes from another server.
        sessions.accept(upgrade.origins(Origins::any()), "page", answer)
    });
    let app = Router::new().route("/", route).with_state(Sessions::new(SessionsConfig::default())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

const TOKENS: u32 = 200;
/// The time between two tokens, that of a fast model.
const PACE: Duration = Duration::from_millis(3);

async fn answer(mut session: Session) {
    while session.recv().await.is_some() {
        for number in 1..=TOKENS {
            tokio::time::sleep(PACE).await;
            let token = format!(r#"{{"token":"{number} ","done":{}}}"#, number == TOKENS);
            if session.sender().send_wait(token).await.is_err() {
                return;
            }
        }
    }
}
