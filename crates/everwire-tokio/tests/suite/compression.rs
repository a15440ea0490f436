//! What a socket adds to compression and to answers in front of a violation.

use std::future::poll_fn;
use std::task::Poll;

use everwire_tokio::{Socket, SocketError, client, server};
use everwire_ws::handshake::ClientHandshake;
use everwire_ws::{Config, Connection, Deflate, Incoming, Message, Prepared, ProtocolError, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn t26_both_ends_agree_on_compression_once_and_use_it() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let request = http::Request::get("ws://example.org/").body(()).unwrap();
    let handshake = ClientHandshake::new(&request, &[], [1; 16]).unwrap().compression(Deflate::default());
    let mut config = Config::default();
    config.compression = Some(Deflate::default());
    let (opened, accepted) =
        tokio::join!(client(near, handshake, Config::default(), [2; 32]), server(far, config, |_| None));
    let ((mut client, agreed), (mut server, _)) = (opened.unwrap(), accepted.unwrap());
    assert!(agreed.extensions.deflate.is_some());

    let message = Message::text("good morning, all of you; ".repeat(100));
    assert!(client.queue(&message));
    assert!(client.buffered() < message.len() / 4);
    client.flush().await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some(Incoming::Message(message.clone())));
    assert!(server.queue_prepared(&Prepared::new(message.clone())));
    assert!(server.buffered() < message.len() / 4);
    server.flush().await.unwrap();
    assert_eq!(client.recv().await.unwrap(), Some(Incoming::Message(message)));
}

#[tokio::test]
async fn answers_to_messages_in_front_of_a_violation_go_out_before_the_close_frame() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let mut socket = Socket::new(near, Connection::new(Role::Client, Config::default(), [7; 32]));
    // "hi", then a reserved opcode.
    far.write_all(&[0x81, 2, b'h', b'i', 0x83, 0]).await.unwrap();
    let Some(Incoming::Message(message)) = socket.recv().await.unwrap() else { panic!("a message came first") };
    assert_eq!(socket.try_recv().unwrap(), None);
    assert!(socket.queue(&message));
    let error = socket.recv().await.unwrap_err();
    assert!(matches!(error, SocketError::Protocol(ProtocolError::ReservedOpcode(3))));
    let mut sent = [0; 9];
    far.read_exact(&mut sent).await.unwrap();
    assert_eq!((sent[0], sent[8]), (0x81, 0x88));
}

#[tokio::test]
async fn a_violation_waits_for_another_task_to_answer_what_came_before_it() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let mut socket = Socket::new(near, Connection::new(Role::Client, Config::default(), [7; 32]));
    far.write_all(&[0x81, 2, b'h', b'i', 0x83, 0]).await.unwrap();
    assert!(matches!(socket.recv().await, Ok(Some(Incoming::Message(_)))));
    // Some turns for the others, with wake-ups of its own, then the error.
    let mut recv = Box::pin(socket.recv());
    assert!(poll_fn(|cx| Poll::Ready(recv.as_mut().poll(cx))).await.is_pending());
    assert!(matches!(recv.await, Err(SocketError::Protocol(_))));
}
