//! Accounts, and what is asked over HTTP.

use std::net::Ipv4Addr;
use std::path::Path;

use everwire_chat_server::{Accounts, Auth, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use super::{Server, soon, with_data};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn accounts(folder: &Path, users: &[&str]) -> ServerConfig {
    let mut accounts = Accounts::open(folder).unwrap();
    for user in users {
        accounts.add(user, &user.to_uppercase(), PASSWORD).unwrap();
    }
    let mut config = with_data(folder);
    config.auth = Auth::Accounts;
    config
}

/// The answer's status and what it says.
pub(crate) async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    post_from(server, Ipv4Addr::LOCALHOST, path, body).await
}

/// The same from another address of this machine.
pub(crate) async fn post_from(server: &Server, from: Ipv4Addr, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    ask(server, from, &format!("{head}{body}")).await
}

/// The answer to a `GET` request with this token.
pub(crate) async fn get(server: &Server, path: &str, token: Option<&str>) -> (u16, Value) {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n");
    ask(server, Ipv4Addr::LOCALHOST, &request).await
}

async fn ask(server: &Server, from: Ipv4Addr, request: &str) -> (u16, Value) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

pub(crate) async fn sign_in(server: &Server, user: &str) -> (String, String) {
    let (status, answer) = post(server, "/api/sign-in", &json!({"user": user, "password": PASSWORD})).await;
    assert_eq!((status, answer["user"].as_str()), (200, Some(user)), "{answer}");
    (answer["token"].as_str().unwrap().to_owned(), answer["refresh"].as_str().unwrap().to_owned())
}

/// The status and the words of a refused upgrade.
pub(crate) async fn refused(server: &Server, query: &str) -> (u16, String) {
    match soon("an answer", connect_async(format!("{}?{query}", server.url()))).await {
        Err(Error::Http(response)) => {
            let words = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(words).unwrap())
        }
        other => panic!("not refused: {other:?}"),
    }
}
