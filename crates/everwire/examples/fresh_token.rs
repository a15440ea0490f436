//! A token that expires: each attempt asks for a fresh one, and the server refuses those that are old.
//!
//! `cargo run -p everwire --example fresh_token`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use everwire::Client;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(server(listener));

    let issued = Arc::new(AtomicU32::new(0));
    let client = Client::builder(url)
        .initial_delay(Duration::from_millis(20))
        .before_attempt(move |mut request| {
            let issued = Arc::clone(&issued);
            async move {
                // In a program: a request to the token service. If it fails, the attempt fails and is tried again.
                let number = issued.fetch_add(1, Ordering::Relaxed) + 1;
                println!("attempt {} with token {number}", request.attempt);
                request.headers.insert("authorization", format!("Bearer {number}").parse()?);
                Ok(request)
            }
        })
        .build()?;
    println!("{}", client.send("hello")?.await);
    client.close(Duration::from_secs(5)).await;
    Ok(())
}

/// Takes the second token. With a hook, a 401 is tried again: the next token may be better.
#[allow(clippy::result_large_err, reason = "tungstenite's signature")]
async fn server(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let check = |request: &Request, response: Response| {
            let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
            if token == Some("Bearer 2") {
                return Ok(response);
            }
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::UNAUTHORIZED;
            Err(refusal)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, check).await else { continue };
        while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
    }
}
