//! `everwire echo`: a server that sends each message back.

use std::io::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Response;
use everwire_server::{
    CloseCode, Incoming, Limits, Origins, SUBPROTOCOL, Server, Session, Sessions, SessionsConfig, Socket, Upgrade,
};
use tokio::net::TcpListener;

use crate::args::EchoArgs;
use crate::exit::{Exit, Failure};
use crate::logs;
use crate::serve;
use crate::term::Stop;

/// The longest time for the clients' closing handshakes at the end.
const PARTING: Duration = Duration::from_secs(3);

/// The most connections, and the most sessions, at a time.
const MOST: usize = 1024;

/// The most messages and bytes of a session that are unacknowledged in either direction, beyond one message of the largest
/// size. Echoes wait in the server for their client; this limit stops a client that sends and does not read.
const MESSAGES: u32 = 256;
const BYTES: u64 = 256 << 10;

pub(crate) async fn run(args: EchoArgs) -> Result<Exit, Failure> {
    let EchoArgs { listen, allow_remote, close_with, max_message } = args;
    if !listen.ip().is_loopback() && !allow_remote {
        return Err(Failure::usage(format!(
            "{listen} can be reached from other machines, and anyone there may connect: listen on 127.0.0.1, or add --allow-remote"
        )));
    }
    let listener = serve::bind(listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new(Exit::Failed, format!("the server's address is not known: {error}")))?;
    let stop = Stop::listen(PARTING);
    let echo = Echo { close_with, ..Echo::new(max_message, stop.clone())? };
    tokio::spawn(logs::tell_lost());
    tell(&format!("everwire echo server listening on ws://{address}/\ntry: everwire connect ws://{address}/"));
    echo.serve(listener, stop).await;
    Ok(Exit::Done)
}

#[derive(Clone)]
struct Echo {
    sessions: Sessions,
    limits: Limits,
    stop: Stop,
    /// The code with which each connection is closed at once; `None`: messages are sent back.
    close_with: Option<CloseCode>,
}

impl Echo {
    fn new(max_message: usize, stop: Stop) -> Result<Self, Failure> {
        let mut config = SessionsConfig::default();
        config.registry.max_sessions = MOST;
        config.session.limits.messages = MESSAGES;
        config.session.limits.bytes = BYTES;
        config.session.limits.message_bytes = max_message as u64;
        config.session.outbox.max_messages = MESSAGES as usize;
        config.session.outbox.max_bytes = max_message;
        let sessions = Sessions::new(config)
            .map_err(|error| Failure::new(Exit::Failed, format!("sessions can't be served: {error}")))?;
        let limits = Limits { max_message, max_frame: max_message, ..Limits::default() };
        Ok(Self { sessions, limits, stop, close_with: None })
    }

    async fn serve(self, listener: TcpListener, stop: Stop) {
        let sessions = self.sessions.clone();
        let app = Router::new().fallback(open).with_state(self);
        let server = Server::new().max_connections(MOST).grace(PARTING);
        let leaving = async {
            stop.asked().await;
            sessions.drain(Duration::ZERO).await;
        };
        tokio::join!(server.serve_router(listener, app, stop.asked()), leaving);
    }
}

/// Accepts any path and any origin: there is nothing to protect here.
async fn open(State(echo): State<Echo>, upgrade: Upgrade) -> Response<String> {
    let upgrade = upgrade.origins(Origins::any());
    if let Some(code) = echo.close_with {
        return upgrade.on_upgrade(async move |mut socket: Socket| {
            let _ = socket.close(code, "").await;
        });
    }
    if upgrade.offered_subprotocols().iter().any(|offered| offered == SUBPROTOCOL) {
        echo.sessions.accept(upgrade, "anybody", in_session)
    } else {
        upgrade.limits(echo.limits).on_upgrade(move |socket| plainly(socket, echo.stop))
    }
}

async fn plainly(mut socket: Socket, stop: Stop) {
    tokio::select! {
        () = send_back(&mut socket) => {}
        () = stop.asked() => {
            // The server drops connections that take longer than its grace.
            let _ = socket.close(CloseCode::GOING_AWAY, "the server ends").await;
        }
    }
}

async fn send_back(socket: &mut Socket) {
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

/// Prints to stdout. It is no failure if nobody reads it.
fn tell(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use everwire::{Client, Message};
    use everwire_server::SessionSender;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn start() -> (Echo, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let stop = Stop::listen(PARTING);
        let echo = Echo::new(512 << 10, stop.clone()).unwrap();
        tokio::spawn(echo.clone().serve(listener, stop));
        (echo, url)
    }

    /// The echoes of clients that send and do not read wait in the server.
    #[tokio::test]
    async fn the_server_holds_a_bounded_number_of_echoes_for_clients_that_do_not_read() {
        const CLIENTS: usize = 20;
        const SIZE: usize = 4 << 10;
        const MOST: usize = (512 << 10) / SIZE;
        // The number of messages that a client sends before it checks whether the server has taken them.
        const STEP: usize = 32;
        let (echo, url) = start().await;
        let text = "x".repeat(SIZE);
        let mut sockets = Vec::new();
        for _ in 0..CLIENTS {
            let (mut socket, _) = Client::builder(&url).subprotocol(SUBPROTOCOL).connect_once().await.unwrap();
            let before: Vec<_> = echo.sessions.all().iter().map(SessionSender::id).collect();
            let hello = r#"h{"limits":{"messages":100000,"bytes":1000000000,"message_bytes":1000000}}"#;
            socket.send(Message::text(hello)).await.unwrap();
            // The last step is not acknowledged, because the limit is reached.
            for sent in (STEP..=MOST + STEP).step_by(STEP) {
                for number in sent - STEP + 1..=sent {
                    socket.send(Message::text(format!("m{number}:{text}"))).await.unwrap();
                }
                let begun = Instant::now();
                let held = || {
                    echo.sessions
                        .all()
                        .into_iter()
                        .find(|session| !before.contains(&session.id()))
                        .map(|session| session.pending())
                };
                while held() != Some(sent.min(MOST)) {
                    assert!(begun.elapsed() < PATIENCE, "of {sent} messages {:?} are held", held());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            sockets.push(socket);
        }
        // Nothing more is acknowledged, however long the client waits.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for session in echo.sessions.all() {
            assert!(session.pending() <= MOST, "{} messages of {SIZE} bytes wait", session.pending());
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_receives_more_echoes_than_may_wait_for_it() {
        let (_echo, url) = start().await;
        let client = Client::builder(&url).session(everwire::SessionMode::Require).build().unwrap();
        let mut inbox = client.messages();
        let sent = 2_000;
        for number in 0..sent {
            drop(client.send_wait(format!("{number}{}", "x".repeat(1000))).await.unwrap());
        }
        for number in 0..sent {
            let message = tokio::time::timeout(PATIENCE, inbox.next()).await.unwrap().unwrap();
            assert!(message.as_text().unwrap().starts_with(&format!("{number}x")));
        }
    }
}
