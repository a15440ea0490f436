//! `websockets` and `aiohttp`, the two most used WebSocket libraries of Python, in both roles.

use everwire_tests::{EchoServer, Process};

use crate::their_client::{Compresses, Pings, Skills, talks_with_our_server};
use crate::{their_server, their_server::talks_with_our_client};

#[tokio::test]
async fn a_client_written_with_websockets_talks_with_our_server() {
    let skills = Skills { pings: Pings::WhenTold, compresses: Compresses::BothWays, knows_reasons: true };
    let start = async |address| Process::python("websockets_client.py", &[&format!("ws://{address}/")]);
    talks_with_our_server(EchoServer::start().await, skills, start).await;
}

#[tokio::test]
async fn our_client_talks_with_a_server_written_with_websockets() {
    let server = Process::python("websockets_server.py", &[]);
    talks_with_our_client(server, their_server::Skills { fragments: true }).await;
}

#[tokio::test]
async fn a_client_written_with_aiohttp_talks_with_our_server() {
    let skills = Skills { pings: Pings::WhenTold, compresses: Compresses::BothWays, knows_reasons: false };
    let start = async |address| Process::python("aiohttp_client.py", &[&format!("ws://{address}/")]);
    talks_with_our_server(EchoServer::start().await, skills, start).await;
}

#[tokio::test]
async fn our_client_talks_with_a_server_written_with_aiohttp() {
    let server = Process::python("aiohttp_server.py", &[]);
    talks_with_our_client(server, their_server::Skills { fragments: false }).await;
}
