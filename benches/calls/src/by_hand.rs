//! Calls as most programs write them by hand: a map of ids, over tokio-tungstenite.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

use crate::Done;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    id: u64,
    payload: String,
}

pub(crate) struct ByHand {
    waiting: Arc<Mutex<(u64, HashMap<u64, oneshot::Sender<String>>)>>,
    outgoing: mpsc::UnboundedSender<Message>,
}

impl ByHand {
    pub(crate) async fn connect(address: &str) -> Done<Self> {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/")).await?;
        let (mut sink, mut source) = socket.split();
        let (outgoing, mut messages) = mpsc::unbounded_channel();
        let waiting: Arc<Mutex<(u64, HashMap<u64, oneshot::Sender<String>>)>> = Arc::default();
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                let mut sent = sink.feed(message).await;
                while let Ok(message) = messages.try_recv() {
                    sent = sent.and(sink.feed(message).await);
                }
                if sent.and(sink.flush().await).is_err() {
                    return;
                }
            }
        });
        let known = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Some(Ok(message)) = source.next().await {
                let Ok(Envelope { id, payload }) = serde_json::from_slice(&message.into_data()) else { continue };
                let waiter = known.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id);
                if let Some(waiter) = waiter {
                    let _ = waiter.send(payload);
                }
            }
        });
        Ok(Self { waiting, outgoing })
    }

    pub(crate) async fn call(&self, payload: String) -> Done<String> {
        let (waiter, reply) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.0 += 1;
            let id = waiting.0;
            waiting.1.insert(id, waiter);
            id
        };
        self.outgoing.send(Message::text(serde_json::to_string(&Envelope { id, payload })?))?;
        Ok(reply.await?)
    }
}

pub(crate) async fn serve(listener: TcpListener) -> Done<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if !message.is_text() {
                    continue;
                }
                let Ok(envelope) = serde_json::from_slice::<Envelope>(&message.into_data()) else { continue };
                let Ok(reply) = serde_json::to_string(&envelope) else { continue };
                if socket.send(Message::text(reply)).await.is_err() {
                    return;
                }
            }
        });
    }
}
