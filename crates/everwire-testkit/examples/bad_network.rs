//! A program under a bad network: a proxy cuts every connection after some kilobytes, and every message still arrives.
//!
//! `cargo run -p everwire-testkit --example bad_network`

use std::error::Error;
use std::time::Duration;

use everwire::{Client, Guarantee};
use everwire_testkit::faults::Schedule;
use everwire_testkit::proxy::Proxy;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
            });
        }
    });

    let schedule = Schedule::parse("[[rule]]\nfault = \"cut\"\nevery = 1\nafter-bytes = \"8000..16000\"")?;
    let proxy = Proxy::builder(server).schedule(schedule).start().await?;
    let client = Client::builder(format!("ws://{}/", proxy.address()))
        .guarantee(Guarantee::AtLeastOnce)
        .initial_delay(Duration::from_millis(5))
        .max_delay(Duration::from_millis(20))
        .build()?;
    let mut received = 0;
    for number in 0..100 {
        received += u32::from(client.send(format!("{number:01000}"))?.await.is_delivered());
    }
    let cuts = if client.stats().machine.connections > 3 { "many" } else { "few" };
    println!("{received} of 100 messages arrived, over {cuts} connections");
    client.close(Duration::from_secs(1)).await;
    proxy.stop().await;
    Ok(())
}
