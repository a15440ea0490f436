//! One route for clients with sessions and for those without.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use everwire::{Client, Outcome, SessionMode};
use everwire_server::{Incoming, SUBPROTOCOL, Session, Sessions, SessionsConfig, Socket, Upgrade};
use tokio::net::TcpListener;

async fn plain(mut socket: Socket) {
    while let Ok(Some(incoming)) = socket.recv().await {
        if let Incoming::Message(message) = incoming {
            let _ = socket.send(&message).await;
        }
    }
}

async fn in_a_session(mut session: Session) {
    while let Some(received) = session.recv().await {
        session.sender().send_wait(received.message).await.ok();
    }
}

async fn accept(State(sessions): State<Sessions>, upgrade: Upgrade) -> impl IntoResponse {
    if upgrade.offered_subprotocols().iter().any(|name| name == SUBPROTOCOL) {
        sessions.accept(upgrade, "guest", in_a_session)
    } else {
        upgrade.on_upgrade(plain)
    }
}

#[tokio::test]
async fn a_route_may_be_for_both() {
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let app = Router::new().route("/", get(accept)).with_state(sessions.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let prefers = Client::builder(&url).session(SessionMode::Prefer).build().unwrap();
    let knows_none = Client::builder(&url).build().unwrap();
    let talks = async {
        for (client, outcome) in [(&prefers, Outcome::Acknowledged), (&knows_none, Outcome::Received)] {
            let mut inbox = client.messages();
            let delivery = client.send("hello").unwrap();
            assert_eq!(inbox.next().await, Some("hello".into()));
            assert_eq!(delivery.await, outcome);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), talks).await.unwrap();
    assert_eq!(sessions.stats().sessions, 1);
}
