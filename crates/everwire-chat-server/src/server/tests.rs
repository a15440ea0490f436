//! How a server and its members part.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::ChatServer;
use crate::config::ServerConfig;
use crate::domain::{ReadPosition, StoredReceipts};
use crate::store::{Append, MessageStore, Page, PageRequest, ReadQuery, ReadState, Retention, StoreError};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store that takes messages and does not tell what becomes of them, like one whose cluster has no leader.
#[derive(Debug)]
struct Silent {
    store: Arc<dyn MessageStore>,
    taken: mpsc::UnboundedSender<Append>,
    /// Pages are not read either.
    is_mute: bool,
}

impl MessageStore for Silent {
    fn epoch(&self) -> &str {
        self.store.epoch()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, bool> {
        Box::pin(async { self.taken.send(append).is_ok() })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::pending())
    }

    fn page<'a>(&'a self, room: &'a str, request: PageRequest) -> BoxFuture<'a, Result<Page, StoreError>> {
        match request {
            // What a room is remembered by.
            PageRequest::Before(..) => self.store.page(room, request),
            _ if self.is_mute => Box::pin(std::future::pending()),
            _ => self.store.page(room, request),
        }
    }

    fn receipts<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<StoredReceipts, StoreError>> {
        self.store.receipts(room)
    }

    fn save_receipts(&self, receipts: HashMap<String, StoredReceipts>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.save_receipts(receipts)
    }

    fn read_state(&self, query: ReadQuery) -> BoxFuture<'_, Result<ReadState, StoreError>> {
        self.store.read_state(query)
    }

    fn save_read_positions(&self, positions: Vec<ReadPosition>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.save_read_positions(positions)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.check()
    }

    fn retain(&self, retention: Retention) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.store.retain(retention)
    }

    fn close(&self) {
        self.store.close();
    }
}

/// A server whose store is silent.
struct Scene {
    chat: ChatServer,
    url: String,
    taken: mpsc::UnboundedReceiver<Append>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Scene {
    async fn new(is_mute: bool) -> Self {
        let mut chat = ChatServer::open(ServerConfig::default()).unwrap();
        let (told, taken) = mpsc::unbounded_channel();
        let state = Arc::get_mut(&mut chat.state).unwrap();
        state.store = Arc::new(Silent { store: Arc::clone(&state.store), taken: told, is_mute });
        let (url, serving) = serve(&chat).await;
        Self { chat, url, taken, serving }
    }

    async fn join(&self) -> Client {
        timeout(PATIENCE, connect_async(&self.url)).await.unwrap().unwrap().0
    }

    /// Waits until nobody is left.
    async fn all_gone(&self) {
        timeout(PATIENCE, self.chat.state.all_gone()).await.expect("all have gone");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(chat: &ChatServer) -> (String, JoinHandle<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws?userId=ana&after=", listener.local_addr().unwrap());
    (url, tokio::spawn(axum::serve(listener, chat.router()).into_future()))
}

/// Reads up to the end of the connection, and lets go of it; the code of the server's close frame.
async fn end_of(mut client: Client) -> Option<u16> {
    let mut code = None;
    while let Some(Ok(message)) = timeout(PATIENCE, client.next()).await.expect("the connection ends") {
        if let Message::Close(frame) = message {
            code = frame.map(|frame| frame.code.into());
        }
    }
    code
}

async fn post(client: &mut Client, taken: &mut mpsc::UnboundedReceiver<Append>) {
    client.send(Message::text(r#"{"type":"text","id":"1","text":"hi"}"#)).await.unwrap();
    timeout(PATIENCE, taken.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_comes_in_when_the_history_is_closed_already_is_sent_away_with_1012() {
    let chat = ChatServer::open(ServerConfig::default()).unwrap();
    let (url, serving) = serve(&chat).await;
    chat.state.store.close();
    let (late, _) = timeout(PATIENCE, connect_async(url)).await.unwrap().unwrap();
    assert_eq!(end_of(late).await, Some(1012));
    serving.abort();
}

#[tokio::test]
async fn when_the_server_ends_a_member_has_gone_that_has_parted_though_its_message_is_not_stored_yet() {
    let mut scene = Scene::new(false).await;
    let mut ana = scene.join().await;
    post(&mut ana, &mut scene.taken).await;
    scene.chat.state.end();
    assert_eq!(end_of(ana).await, Some(1012));
    scene.all_gone().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_let_go_though_its_message_is_not_stored_yet() {
    let mut scene = Scene::new(false).await;
    let mut ana = scene.join().await;
    post(&mut ana, &mut scene.taken).await;
    ana.close(None).await.unwrap();
    end_of(ana).await;
    assert_eq!(scene.chat.state.members(), 1, "it is in the room until its message is stored");
    // One that still waits to leave then does so at once.
    scene.chat.state.end();
    scene.all_gone().await;
}

#[tokio::test]
async fn who_has_gone_is_soon_here_no_more_though_their_message_is_never_stored() {
    let mut scene = Scene::new(false).await;
    let mut ana = scene.join().await;
    post(&mut ana, &mut scene.taken).await;
    ana.close(None).await.unwrap();
    end_of(ana).await;
    scene.all_gone().await;
}

#[tokio::test]
async fn a_member_that_waits_for_what_it_has_missed_parts_when_the_server_ends() {
    let scene = Scene::new(true).await;
    let ana = scene.join().await;
    scene.chat.state.end();
    assert_eq!(end_of(ana).await, Some(1012));
    scene.all_gone().await;
}
