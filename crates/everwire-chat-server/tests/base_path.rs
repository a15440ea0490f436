//! A chat below a path of its host.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

mod support;

use everwire_chat_server::{BasePath, PageFile, ServerConfig};
use serde_json::json;
use support::{Plain, Server, soon, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, http};

const PAGE: &[PageFile] = &[PageFile {
    name: "index.html",
    immutable: false,
    version: "1",
    plain: b"the page",
    gzip: b"the page",
    brotli: b"the page",
}];

async fn start() -> Server {
    let mut config = ServerConfig::default();
    config.base_path = BasePath::new("/team/chat").unwrap();
    config.page = PAGE;
    Server::start(config).await
}

/// Head and body of a GET.
async fn get(server: &Server, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn all_of_the_chat_is_below_the_path_and_nothing_of_it_elsewhere() {
    let server = start().await;
    let (head, body) = get(&server, "/team/chat/").await;
    assert!(head.starts_with("http/1.1 200") && body == "the page", "{head}");
    let (_, body) = get(&server, "/team/chat/index.html?room=den").await;
    assert_eq!(body, "the page");
    let (head, body) = get(&server, "/team/chat/api/info").await;
    assert!(head.starts_with("http/1.1 200") && body.contains("\"auth\":\"none\""), "{head}");
    assert!(get(&server, "/team/chat/api/rooms").await.0.starts_with("http/1.1 200"));
    for elsewhere in
        ["/", "/index.html", "/ws", "/api/info", "/api/rooms", "/team/", "/team/chat/healthz", "/team/chat/a/b"]
    {
        let (head, _) = get(&server, elsewhere).await;
        assert!(head.starts_with("http/1.1 404"), "{elsewhere}: {head}");
    }
    assert!(get(&server, "/").await.1.contains("the chat is at /team/chat/"));
    let refused = tokio_tungstenite::connect_async(server.url()).await.unwrap_err();
    assert!(matches!(refused, Error::Http(answer) if answer.status() == http::StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn the_path_without_its_slash_leads_to_the_page_with_what_was_asked() {
    let server = start().await;
    let (head, _) = get(&server, "/team/chat?room=the%20den").await;
    assert!(head.starts_with("http/1.1 308") && head.contains("location: /team/chat/?room=the%20den\r"), "{head}");
}

#[tokio::test]
async fn how_the_server_is_stays_at_the_root() {
    let server = start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let (head, _) = get(&server, path).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    }
}

#[tokio::test]
async fn people_talk_below_the_path() {
    let server = start().await;
    let url = format!("ws://{}/team/chat/ws", server.address);
    let mut ana = Plain::join_at(&url, "userId=ana").await;
    let mut ben = Plain::join_at(&url, "userId=ben&after=").await;
    assert_eq!(ben.next().await["type"], json!("sync"));
    ana.barrier_after(1).await;
    ana.say(&text("1", "ana", "hi")).await;
    assert_eq!(ben.brief().await, "text ana hi");
}
