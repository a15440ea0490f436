//! An outbox that outlives its process: what is said offline is kept, and sent by the next start.
//!
//! `cargo run -p everwire --features sqlite --example outbox`

use std::time::Duration;

use everwire::store::SqliteStore;
use everwire::{Client, Guarantee};
use tokio::net::TcpListener;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// A client that keeps its outbox in `file`.
fn start(url: &str, file: &std::path::Path) -> Done<Client> {
    let store = SqliteStore::open(file)?;
    Ok(Client::builder(url).guarantee(Guarantee::AtLeastOnce).store(store).build()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let file = std::env::temp_dir().join(format!("everwire-outbox-{}.db", std::process::id()));

    // There is no server yet.
    let client = start("ws://127.0.0.1:9/", &file)?;
    let mut delivery = client.send("said offline")?;
    if delivery.stored().await.is_ok() {
        println!("it is on disk: a crash from here on loses nothing");
    }
    client.close(Duration::ZERO).await;
    println!("the first client is gone; of its message it says: {}", delivery.await);

    // The next start finds it there.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(server(listener));
    let client = start(&url, &file)?;
    for recovered in client.recovered() {
        let text = recovered.message.as_text().unwrap_or_default().to_owned();
        println!("{text:?} was {}", recovered.delivery.await);
    }
    client.close(Duration::from_secs(5)).await;
    std::fs::remove_file(&file)?;
    Ok(())
}

/// Takes everything and answers nothing.
async fn server(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
        });
    }
}
