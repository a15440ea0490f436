//! Upgrades as a foreign client sees them: through axum and on bare hyper.

use std::net::SocketAddr;

use axum::{Router, routing::any};
use everwire_server::{CloseCode, Limits, Origins, Upgrade};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as TheirCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{echo, soon};

async fn axum_server() -> SocketAddr {
    let app = Router::new()
        .route(
            "/ws",
            any(async |upgrade: Upgrade| {
                let limits = Limits { max_message: 1000, ..Limits::default() };
                upgrade.subprotocols(["b", "a"]).limits(limits).on_upgrade(echo)
            }),
        )
        .route("/strict", any(async |upgrade: Upgrade| upgrade.require_subprotocol(["b", "a"]).on_upgrade(echo)))
        .route(
            "/listed",
            any(async |upgrade: Upgrade| {
                upgrade.origins(Origins::new(["https://*.example.org", "null"]).unwrap()).on_upgrade(echo)
            }),
        )
        .route("/open", any(async |upgrade: Upgrade| upgrade.origins(Origins::any()).on_upgrade(echo)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[tokio::test]
async fn an_axum_handler_echoes_to_a_foreign_client() {
    let address = axum_server().await;
    let (mut socket, response) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    for message in [Message::text("hello"), Message::binary(vec![1, 2, 3])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn the_first_of_our_subprotocols_that_the_client_offers_is_chosen() {
    let address = axum_server().await;
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "x, a, b".parse().unwrap());
    let (_, response) = connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "b");
}

#[tokio::test]
async fn a_message_over_the_limit_is_answered_with_1009() {
    let address = axum_server().await;
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    socket.send(Message::text("x".repeat(1001))).await.unwrap();
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else { panic!("no close frame") };
    assert_eq!(frame.code, TheirCode::from(CloseCode::MESSAGE_TOO_BIG.0));
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_is_told_so() {
    let address = axum_server().await;
    for (request, status, words) in [
        ("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "426", "a WebSocket upgrade is required"),
        ("POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "405", "must be GET"),
        (
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "426",
            "sec-websocket-version: 13",
        ),
        (
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: short\r\n\r\n",
            "400",
            "Sec-WebSocket-Key",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // The whole answer may come in pieces; a connection kept alive does not end, so stop at what is looked for.
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(words) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn bare_hyper_upgrades_the_same_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(async |mut request| {
            Ok::<_, std::convert::Infallible>(match Upgrade::from_request(&mut request) {
                Ok(upgrade) => upgrade.on_upgrade(echo),
                Err(rejection) => rejection.into_response(),
            })
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await.unwrap();
    });
    let (mut socket, _) = connect_async(format!("ws://{address}/")).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
}

#[tokio::test]
async fn a_request_without_a_connection_to_upgrade_is_refused() {
    let mut request = http::Request::get("/")
        .header("host", "x")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let rejection = Upgrade::from_request(&mut request).unwrap_err();
    assert!(rejection.to_string().contains("can't be upgraded"));
    assert_eq!(rejection.into_response().status(), 426);
}

/// The status with which a client with this header is answered, and the line that comes with a refusal.
async fn answer(address: SocketAddr, path: &str, header: Option<(&'static str, &str)>) -> (u16, String) {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some((name, value)) = header {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    match soon("an answer", connect_async(request)).await {
        Ok((_, response)) => (response.status().as_u16(), String::new()),
        Err(Error::Http(response)) => {
            let line = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
            (response.status().as_u16(), line)
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_in_one_line_and_one_of_our_own_let_in() {
    let address = axum_server().await;
    let own = format!("http://{address}");
    for (path, origin, status) in [
        ("/ws", None, 101),
        ("/ws", Some(own.as_str()), 101),
        ("/ws", Some("https://evil.example"), 403),
        ("/ws", Some("null"), 403),
        ("/ws", Some("http://127.0.0.1"), 403),
        ("/listed", None, 101),
        ("/listed", Some("https://chat.example.org"), 101),
        ("/listed", Some("null"), 101),
        ("/listed", Some("https://example.org"), 403),
        ("/listed", Some(own.as_str()), 403),
        ("/open", Some("https://evil.example"), 101),
    ] {
        let (answered, line) = answer(address, path, origin.map(|origin| ("origin", origin))).await;
        assert_eq!(answered, status, "{path} {origin:?}");
        if status == 403 {
            let wanted = format!("a page of {} may not connect to {address}\n", origin.unwrap());
            assert_eq!(line, wanted);
        }
    }
}

#[tokio::test]
async fn a_required_subprotocol_that_is_not_offered_is_named_in_the_refusal() {
    let address = axum_server().await;
    let offering = |names| Some(("sec-websocket-protocol", names));
    assert_eq!(answer(address, "/strict", offering("x, a")).await.0, 101);
    for header in [None, offering("x, y")] {
        let (status, line) = answer(address, "/strict", header).await;
        assert_eq!((status, line.as_str()), (400, "a subprotocol is required: offer one of b, a\n"));
    }
}
