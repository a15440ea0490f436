//! tokio-tungstenite at the far end, in both roles.

use everwire_tokio::{client, server};
use everwire_ws::handshake::ClientHandshake;
use everwire_ws::{CloseCode, Config, Incoming, Message};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as TheirCode;
use tokio_tungstenite::tungstenite::{self, protocol::CloseFrame};

fn messages() -> Vec<Message> {
    let mut all = vec![Message::text(""), Message::binary(vec![])];
    for length in [1, 125, 126, 127, 4096, 65_535, 65_536, 300_000] {
        all.push(Message::text("ä".repeat(length / 2)));
        all.push(Message::binary(vec![7; length]));
    }
    all
}

fn theirs(message: &Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::text(&**text),
        Message::Binary(data) => tungstenite::Message::binary(data.clone()),
    }
}

#[tokio::test]
async fn our_client_talks_to_their_server() {
    let (near, far) = tokio::io::duplex(10_000);
    let their_server = async {
        let mut socket = tokio_tungstenite::accept_async(far).await.unwrap();
        socket.send(tungstenite::Message::Ping("p".into())).await.unwrap();
        let mut pongs = 0;
        while let Some(message) = socket.next().await {
            match message.unwrap() {
                tungstenite::Message::Pong(data) => {
                    assert_eq!(data, "p");
                    pongs += 1;
                }
                message @ (tungstenite::Message::Text(_) | tungstenite::Message::Binary(_)) => {
                    socket.send(message).await.unwrap();
                }
                tungstenite::Message::Close(Some(frame)) => {
                    assert_eq!((frame.code, frame.reason.as_str()), (TheirCode::Library(4000), "done"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pongs, 1);
    };
    let our_client = async {
        let request = http::Request::get("ws://localhost/").body(()).unwrap();
        let handshake = ClientHandshake::new(&request, &[], [1; 16]).unwrap();
        let (mut socket, _) = client(near, handshake, Config::default(), [2; 32]).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Incoming::Ping("p".into())));
        for message in messages() {
            assert!(socket.queue(&message));
            assert_eq!(socket.recv().await.unwrap(), Some(Incoming::Message(message)));
        }
        socket.close(CloseCode(4000), "done").await.unwrap();
    };
    tokio::join!(their_server, our_client);
}

#[tokio::test]
async fn their_client_talks_to_our_server() {
    let (near, far) = tokio::io::duplex(10_000);
    let our_server = async {
        let (mut socket, opened) =
            server(far, Config::default(), |offered| offered.last().map(|s| (*s).to_owned())).await.unwrap();
        assert_eq!(opened.request.uri(), "/chat?room=a");
        assert_eq!(opened.accepted.subprotocol.as_deref(), Some("v1.chat"));
        assert!(socket.queue_ping(b"p"));
        let mut pongs = 0;
        let mut closed = None;
        while let Some(incoming) = socket.recv().await.unwrap() {
            match incoming {
                Incoming::Message(message) => assert!(socket.queue(&message)),
                Incoming::Pong(data) => {
                    assert_eq!(data, "p");
                    pongs += 1;
                }
                Incoming::Close(frame) => closed = frame,
                Incoming::Ping(_) => panic!("nobody pings"),
            }
        }
        assert_eq!(pongs, 1);
        assert_eq!(closed.map(|frame| (frame.code, frame.reason)), Some((CloseCode(4001), "bye".into())));
    };
    let their_client = async {
        let mut request = "ws://localhost/chat?room=a".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "v2.chat, v1.chat".parse().unwrap());
        let (mut socket, response) = tokio_tungstenite::client_async(request, near).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "v1.chat");
        for message in messages() {
            socket.send(theirs(&message)).await.unwrap();
            loop {
                match socket.next().await.unwrap().unwrap() {
                    tungstenite::Message::Ping(_) => {}
                    echo => {
                        assert_eq!(echo, theirs(&message));
                        break;
                    }
                }
            }
        }
        let frame = CloseFrame { code: TheirCode::Library(4001), reason: "bye".into() };
        socket.close(Some(frame)).await.unwrap();
        while let Some(message) = socket.next().await {
            match message {
                Ok(tungstenite::Message::Close(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(our_server, their_client);
}
