//! What goes to `tracing`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::Client;
use support::proxy::{Proxy, say};
use support::{Server, connected, first_cause, hasty, soon};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn states_and_causes_are_logged_and_no_secret_is() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);

    let server = Server::echo().await;
    let url = format!("{}feed?token=SECRET", server.url.replace("ws://", "ws://ana:SECRET@"));
    let client = Client::builder(&url).header("x-token", "SECRET").build().expect("good settings");
    connected(&client).await;
    soon("the outcome", client.send("SECRET").expect("room")).await;
    client.close(Duration::from_secs(5)).await;

    let refused = support::nobody().await.replace("ws://", "ws://ana:SECRET@");
    first_cause(&hasty(format!("{refused}?SECRET")).build().expect("good settings")).await;

    let open = Proxy::open(&server).await;
    let closed = Proxy::http(&server, |_| say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")).await;
    let socks = Proxy::socks(&server, Some(("ana", "other")), 0).await;
    let by = |scheme: &str, proxy: &Proxy| {
        let url = format!("{scheme}://ana:SECRET@{}", proxy.place);
        hasty("ws://feed.invalid/").proxy(url).build().expect("good settings")
    };
    connected(&by("http", &open)).await;
    first_cause(&by("http", &closed)).await;
    first_cause(&by("socks5h", &socks)).await;

    let log = String::from_utf8(captured.0.lock().expect("no panic").clone()).expect("text");
    assert!(!log.contains("SECRET"), "{log}");
    let place = format!("url=\"{}feed\"", server.url);
    let via = format!(", by http://{}", open.place);
    for line in [
        "connected",
        "closed by the user",
        "connection refused by 127.0.0.1",
        "refused the credentials",
        "opened in",
        &via,
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(log.contains(&place), "{log}");
}
