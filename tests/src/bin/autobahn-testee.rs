//! The client and the server that the Autobahn test suite tests: both are the ones that users use, and echo.
//!
//! `autobahn-testee client ADDRESS` runs every case of a fuzzing server; `autobahn-testee server` prints where it listens.
//! With `contexts` as the last argument, both sides may keep their compression's context between messages.

use std::time::Duration;

use everwire::{Client, Deflate, Guarantee, Message};
use everwire_server::{Incoming, Upgrade};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const AGENT: &str = "everwire";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["client", address] => client(address, Deflate::default()).await,
        ["client", address, "contexts"] => client(address, with_contexts()).await,
        ["server"] => server(Deflate::default()).await,
        ["server", "contexts"] => server(with_contexts()).await,
        _ => Err("usage: autobahn-testee client ADDRESS [contexts] | autobahn-testee server [contexts]".into()),
    }
}

fn with_contexts() -> Deflate {
    let mut settings = Deflate::default();
    settings.keep_own_context = true;
    settings.keep_peer_context = true;
    settings
}

async fn client(address: &str, compression: Deflate) -> Done<()> {
    let exchange = async |path: &str| exchange(&format!("ws://{address}/{path}"), compression).await;
    let count = exchange("getCaseCount").await?.ok_or("the suite gave no case count")?;
    let count: u32 = count.as_text().ok_or("the case count is no text")?.parse()?;
    for case in 1..=count {
        exchange(&format!("runCase?case={case}&agent={AGENT}")).await?;
    }
    exchange(&format!("updateReports?agent={AGENT}")).await?;
    println!("{count} cases run");
    Ok(())
}

/// Connects once and echoes until the connection has ended; gives the first message.
async fn exchange(url: &str, compression: Deflate) -> Done<Option<Message>> {
    let client = Client::builder(url)
        .max_attempts(1)
        // The suite counts every frame, so the client sends no pings of its own.
        .guarantee(Guarantee::Unproven)
        .heartbeat_interval(None)
        .compression(compression)
        .connect_timeout(Duration::from_secs(30))
        .build()?;
    let mut inbox = client.messages();
    let mut states = client.watch_state();
    let mut first = None;
    loop {
        tokio::select! {
            biased;
            Some(message) = inbox.next() => {
                first.get_or_insert_with(|| message.clone());
                // This fails once the connection has ended: then no echo is needed.
                let _ = client.send(message);
            }
            ended = states.wait_for(everwire::State::is_final) => {
                ended?;
                return Ok(first);
            }
        }
    }
}

async fn server(compression: Deflate) -> Done<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let echo = async move |upgrade: Upgrade| {
        upgrade.compression(compression).on_upgrade(|mut socket| async move {
            // A peer that breaks the protocol ends its connection; the suite judges how.
            while let Ok(Some(incoming)) = socket.recv().await {
                if let Incoming::Message(message) = incoming
                    && socket.send(&message).await.is_err()
                {
                    return;
                }
            }
        })
    };
    axum::serve(listener, axum::Router::new().route("/", axum::routing::get(echo))).await?;
    Ok(())
}
