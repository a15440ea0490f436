//! `undici`, the built-in WebSocket client of Node.js.

use everwire_tests::{EchoServer, Process};

use crate::their_client::{Compresses, Pings, Skills, talks_with_our_server};

#[tokio::test]
async fn an_undici_client_talks_with_our_server() {
    let skills = Skills { pings: Pings::WhenTold, compresses: Compresses::OnlyReceives, knows_reasons: true };
    let start = async |address| Process::node("undici-client.mjs", &[&format!("ws://{address}/")]);
    talks_with_our_server(EchoServer::start().await, skills, start).await;
}
