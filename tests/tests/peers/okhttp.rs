//! OkHttp 3.13, the usual HTTP client of Android and the JVM; this version knows no compression.

use everwire_tests::{EchoServer, Process};

use crate::their_client::{Compresses, Pings, Skills, talks_with_our_server};

const LIBRARIES: &[&str] = &["okhttp", "okio"];

#[tokio::test]
async fn an_okhttp_client_talks_with_our_server_and_its_pings_are_answered() {
    let skills = Skills { pings: Pings::ByItself, compresses: Compresses::Nothing, knows_reasons: true };
    let start = async |address| {
        let (url, milliseconds_between_pings) = (format!("ws://{address}/"), "2000");
        Process::java("OkHttpClientPeer.java", LIBRARIES, &[&url, milliseconds_between_pings])
    };
    talks_with_our_server(EchoServer::start().await, skills, start).await;
}
