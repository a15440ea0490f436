//! `everwire echo`: a server that sends each message back.

use std::io::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Response;
use everwire::CloseCode;
use everwire_server::{Incoming, Origins, SUBPROTOCOL, Server, Session, Sessions, SessionsConfig, Socket, Upgrade};
use tokio::net::TcpListener;

use crate::args::EchoArgs;
use crate::exit::{Exit, Failure};
use crate::logs;
use crate::term::Stop;

/// How long clients may take to part at the end.
const PARTING: Duration = Duration::from_secs(3);

pub(crate) async fn run(args: EchoArgs) -> Result<Exit, Failure> {
    let EchoArgs { listen, allow_remote, close_with } = args;
    if !listen.ip().is_loopback() && !allow_remote {
        return Err(Failure::usage(format!(
            "{listen} can be reached from other machines, and anybody may connect: listen on 127.0.0.1, or add --allow-remote"
        )));
    }
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("can't listen on {listen}: {error}; --listen ADDRESS:PORT sets both"))
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let sessions = Sessions::new(SessionsConfig::default())
        .map_err(|error| Failure::new(Exit::Failed, format!("sessions can't be served: {error}")))?;
    let stop = Stop::listen(PARTING);
    tokio::spawn(logs::tell_lost());
    tell(&format!("everwire echo server listening on ws://{address}/\ntry: everwire connect ws://{address}/"));
    let app = match close_with {
        None => Router::new().fallback(open).with_state(sessions),
        Some(code) => Router::new().fallback(close).with_state(code),
    };
    Server::new().grace(PARTING).serve_router(listener, app, stop.asked()).await;
    Ok(Exit::Done)
}

/// Any path, for pages of any origin: there is nothing to protect here.
async fn open(State(sessions): State<Sessions>, upgrade: Upgrade) -> Response<String> {
    let upgrade = upgrade.origins(Origins::any());
    if upgrade.offered_subprotocols().iter().any(|offered| offered == SUBPROTOCOL) {
        sessions.accept(upgrade, "anybody", in_session)
    } else {
        upgrade.on_upgrade(plainly)
    }
}

/// With `--close-with`.
async fn close(State(code): State<CloseCode>, upgrade: Upgrade) -> Response<String> {
    upgrade.origins(Origins::any()).on_upgrade(async move |mut socket: Socket| {
        let _ = socket.close(code, "").await;
    })
}

async fn plainly(mut socket: Socket) {
    while let Ok(Some(incoming)) = socket.recv().await {
        if let Incoming::Message(message) = incoming
            && socket.send(&message).await.is_err()
        {
            return;
        }
    }
}

async fn in_session(mut session: Session) {
    while let Some(received) = session.recv().await {
        if session.sender().send_wait(received.message).await.is_err() {
            return;
        }
    }
}

/// To stdout; that nobody reads is no failure.
fn tell(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
