//! HTTP requests to nodes and brokers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends a GET request; returns the status and the body, if there is an answer within two seconds.
pub(crate) async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    timeout(Duration::from_secs(2), ask(address, &request)).await.ok()?
}

/// The same for a POST request with JSON, within a minute: a request that is given up earlier may still be served much later.
pub(crate) async fn post(address: &str, path: &str, json: &str) -> Option<(u16, String)> {
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{json}"
    );
    timeout(Duration::from_secs(60), ask(address, &request)).await.ok()?
}

async fn ask(address: &str, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
}
