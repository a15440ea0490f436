//! What one says, all hear, over TLS: a plain server for clients of any kind.
//!
//! `cargo run -p everwire-server --features axum --example broadcast`

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::Client;
use everwire_server::{Incoming, Prepared, Server, Socket, Upgrade};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// One connection, until it ends.
async fn member(mut socket: Socket, room: Sender<Prepared>, mut said: Receiver<Prepared>) {
    loop {
        tokio::select! {
            // Both can be given up and asked again, and lose nothing.
            incoming = socket.recv() => match incoming {
                Ok(Some(Incoming::Message(message))) => drop(room.send(Prepared::new(message))),
                Ok(Some(_)) => {} // pings are answered by themselves
                Ok(None) | Err(_) => return,
            },
            one = said.recv() => match one {
                // Encoded once for all; `false` once the socket is closing, and then `recv` says so.
                Ok(one) => drop(socket.queue_prepared(&one)),
                Err(RecvError::Lagged(_) | RecvError::Closed) => return, // too slow to be kept
            },
        }
        // A client that does not read holds up nobody but itself, and not for ever.
        if tokio::time::timeout(Duration::from_secs(10), socket.flush()).await.is_err() {
            return;
        }
    }
}

/// A certificate for this machine alone, as PEM, and the server's settings with it.
fn certificate() -> Done<(String, TlsAcceptor)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), PrivateKeyDer::try_from(made.signing_key.serialize_der())?);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((pem, TlsAcceptor::from(Arc::new(config))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let (pem, tls) = certificate()?;
    let route = get(async |State(room): State<Sender<Prepared>>, upgrade: Upgrade| {
        let said = room.subscribe(); // before the client knows that it is in
        upgrade.on_upgrade(async move |socket| member(socket, room, said).await)
    });
    let app = Router::new().route("/", route).with_state(channel(1024).0);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("wss://localhost:{}/", listener.local_addr()?.port());
    let handshake = move |stream: TcpStream| {
        let tls = tls.clone();
        async move { tls.accept(stream).await }
    };
    tokio::spawn(Server::new().serve_router_with(listener, handshake, app, std::future::pending()));

    let ana = Client::builder(&url).root_certificate(&pem).build()?;
    let ben = Client::builder(&url).root_certificate(&pem).build()?;
    let (mut of_ana, mut of_ben) = (ana.messages(), ben.messages());
    ben.watch_state().wait_for(everwire::State::is_connected).await?;
    drop(ana.send("who is here?")?);
    println!("ben hears: {:?}", of_ben.next().await.as_ref().and_then(|message| message.as_text()));
    drop(ben.send("I am")?);
    for _ in 0..2 {
        println!("ana hears: {:?}", of_ana.next().await.as_ref().and_then(|message| message.as_text()));
    }
    ana.close(Duration::from_secs(5)).await;
    ben.close(Duration::from_secs(5)).await;
    Ok(())
}
