//! One node on a broker, and its members as raw WebSocket clients.

use std::path::Path;
use std::time::Duration;

use everwire_tests::{PATIENCE, Process, everwire};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Starts a node with these options beside the usual ones, and returns it with its address.
pub(crate) async fn node(cluster: &str, data: &Path, options: &[&str]) -> (Process, String) {
    let data = data.to_str().expect("a path");
    let usual = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--cluster", cluster];
    let mut node =
        Process::everwire(&[&usual[..], &["--cluster-replicas", "1", "--cluster-accept-sync"], options].concat());
    let address = node.address().await;
    (node, address)
}

/// The status and the body of an answer.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    curl(&[&format!("http://{address}{path}")]).await
}

/// The same for a POST with this JSON.
pub(crate) async fn post(address: &str, path: &str, json: &str) -> (u16, String) {
    curl(&["-H", "Content-Type: application/json", "-d", json, &format!("http://{address}{path}")]).await
}

async fn curl(args: &[&str]) -> (u16, String) {
    let output =
        Command::new("curl").args(["-sS", "--max-time", "30", "-w", "\n%{http_code}"]).args(args).output().await;
    let said = String::from_utf8_lossy(&output.expect("curl runs").stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').expect("a status");
    (status.parse().unwrap_or(0), body.to_owned())
}

/// Calls `look` until it returns a value; `what` names it in the failure.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} in time"))
}

/// Runs `everwire` with these arguments and a line of input.
pub(crate) async fn command(args: &[&str], input: &str) -> String {
    let mut process = Process::start(Command::new(everwire()).args(args).env("NO_COLOR", "1"));
    process.type_line(input).await;
    process.end_input();
    let said = process.rest().await.join("\n");
    assert_eq!(process.exit_code().await, 0, "{args:?}: {said}");
    said
}

/// A member that reads and writes the wire format without the client library.
pub(crate) struct Raw(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a node sends.
#[derive(Debug)]
pub(crate) enum Said {
    Event(Value),
    Ping,
    Pong,
    /// The end of the connection: code and reason.
    Closed(u16, String),
}

impl Raw {
    /// # Errors
    /// If the node refuses it: the node's answer.
    pub(crate) async fn join(address: &str, query: &str) -> Result<Self, String> {
        let url = format!("ws://{address}/ws?room=den&{query}");
        match tokio_tungstenite::connect_async(url).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Posts a text, and sends a ping after it.
    pub(crate) async fn post(&mut self, user: &str, id: &str) {
        let text = serde_json::json!({
            "type": "text", "id": id, "userId": user, "userName": user, "text": id, "timestamp": 1,
        });
        self.0.send(Message::from(text.to_string())).await.expect("the node listens");
        self.0.send(Message::Ping("posted".into())).await.expect("the node listens");
    }

    /// The content of the next frame; a frame may have several events.
    pub(crate) async fn next(&mut self) -> Vec<Said> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
        match next {
            Some(Ok(Message::Text(text))) => {
                let said: Value = serde_json::from_str(&text).expect("JSON");
                let events = said.as_array().cloned().unwrap_or_else(|| vec![said]);
                events.into_iter().map(Said::Event).collect()
            }
            Some(Ok(Message::Ping(_))) => vec![Said::Ping],
            Some(Ok(Message::Pong(_))) => vec![Said::Pong],
            Some(Ok(Message::Close(frame))) => {
                let _ = self.0.flush().await;
                let (code, reason) = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).unzip();
                vec![Said::Closed(code.unwrap_or(1005), reason.unwrap_or_default())]
            }
            Some(Ok(_)) => Vec::new(),
            Some(Err(_)) | None => vec![Said::Closed(1006, String::new())],
        }
    }

    /// Reads until something fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Said) -> bool) -> Said {
        loop {
            for said in self.next().await {
                if fits(&said) {
                    return said;
                }
                assert!(!matches!(said, Said::Closed(..)), "{said:?}");
            }
        }
    }
}

/// The ids of all texts up to the one with the id `last`, as a new member of this node gets them.
pub(crate) async fn history(address: &str, query: &str, last: &str) -> Vec<String> {
    let mut reader = Raw::join(address, query).await.expect("it may come in");
    let mut ids: Vec<String> = Vec::new();
    let read = async {
        while ids.last().is_none_or(|id| id != last) {
            for said in reader.next().await {
                match said {
                    Said::Event(event) if event["type"] == "text" => {
                        ids.push(event["id"].as_str().expect("an id").to_owned());
                    }
                    Said::Closed(..) => panic!("{said:?}"),
                    _ => {}
                }
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, read).await;
    assert!(in_time.is_ok(), "no {last} after {ids:?}");
    ids
}
