//! The end of a socket.

use everwire_tokio::SocketError;
use everwire_ws::{CloseCode, Incoming, Message, Phase, ProtocolError, Role};
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::streams::*;

#[tokio::test]
async fn both_sides_see_a_clean_end() {
    for client_first in [true, false] {
        let (mut client, mut server) = pair(64);
        let (first, second) = if client_first { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let (closed, seen) = tokio::join!(first.close(CloseCode::GOING_AWAY, "drain"), async {
            let seen = second.recv().await.unwrap();
            assert_eq!(second.recv().await.unwrap(), None);
            seen
        });
        closed.unwrap();
        match seen {
            Some(Incoming::Close(Some(frame))) => {
                assert_eq!((frame.code, &*frame.reason), (CloseCode::GOING_AWAY, "drain"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((client.phase(), server.phase()), (Phase::Closed, Phase::Closed));
    }
}

#[tokio::test]
async fn both_sides_may_close_at_once() {
    let (mut client, mut server) = pair(64);
    let (by_client, by_server) =
        tokio::join!(client.close(CloseCode::NORMAL, ""), server.close(CloseCode::GOING_AWAY, ""));
    by_client.unwrap();
    by_server.unwrap();
}

#[tokio::test]
async fn messages_on_their_way_arrive_after_our_close_frame() {
    let (mut client, mut server) = pair(1024);
    server.send(&Message::text("on its way")).await.unwrap();
    client.queue_close(CloseCode::NORMAL, "");
    assert_eq!(client.recv().await.unwrap(), Some(Incoming::Message(Message::text("on its way"))));
    let (closed, _) =
        tokio::join!(client.close(CloseCode::NORMAL, ""), async { while server.recv().await.unwrap().is_some() {} });
    closed.unwrap();
}

#[tokio::test]
async fn a_client_waits_for_the_server_to_end_the_stream_first() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    stream.script().reads.push_back(from_server(0x88, &1000_u16.to_be_bytes()));
    let mut client = socket(stream.clone(), Role::Client);
    assert!(matches!(client.recv().await.unwrap(), Some(Incoming::Close(_))));
    assert!(client.recv().now_or_never().is_none());
    assert!(!stream.script().shut_down);
    stream.script().end_of_stream = true;
    assert_eq!(client.recv().await.unwrap(), None);
    assert!(stream.script().shut_down);
}

#[tokio::test]
async fn a_server_ends_the_stream_first_and_reads_on_to_its_end() {
    let (stream, mut peer) = tokio::io::duplex(1024);
    let mut server = socket(stream, Role::Server);
    peer.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await.unwrap();
    peer.write_all(b"ignored").await.unwrap();
    assert!(matches!(server.recv().await.unwrap(), Some(Incoming::Close(_))));
    assert!(server.recv().now_or_never().is_none(), "the peer's end has not come");
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [0x88, 2, 0x03, 0xe8]);
    drop(peer);
    assert_eq!(server.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_broken_rule_is_an_error_once_and_the_peer_gets_the_close_frame() {
    for role in [Role::Client, Role::Server] {
        let (stream, mut peer) = tokio::io::duplex(1024);
        let mut socket = socket(stream, role);
        peer.write_all(&[0xff; 10]).await.unwrap();
        assert!(matches!(socket.recv().await, Err(SocketError::Protocol(ProtocolError::ReservedOpcode(15)))));
        let (end, answer) = tokio::join!(socket.recv(), async {
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).await.unwrap();
            drop(peer);
            answer
        });
        assert_eq!(end.unwrap(), None);
        assert_eq!(answer[0], 0x88);
    }
}

#[tokio::test]
async fn the_close_frame_is_out_with_the_error_if_the_stream_takes_it() {
    let (stream, mut peer) = tokio::io::duplex(1024);
    let mut socket = socket(stream, Role::Client);
    peer.write_all(&[0x83, 0]).await.unwrap();
    assert!(socket.recv().await.is_err());
    drop(socket);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[0], 0x88);
}

#[tokio::test]
async fn a_stream_that_ends_without_a_close_frame_is_an_error_once() {
    for sent in [&b""[..], b"\x81", b"\x81\x05hel"] {
        let (stream, mut peer) = tokio::io::duplex(1024);
        let mut client = socket(stream, Role::Client);
        peer.write_all(sent).await.unwrap();
        drop(peer);
        assert!(matches!(client.recv().await, Err(SocketError::UnexpectedEnd)));
        assert_eq!(client.recv().await.unwrap(), None);
    }
}

#[tokio::test]
async fn closing_towards_a_vanished_peer_ends_in_an_error() {
    let (mut client, server) = pair(64);
    drop(server);
    assert!(client.close(CloseCode::NORMAL, "").await.is_err());
}

#[tokio::test]
async fn an_endless_stream_behind_the_close_frame_lets_other_tasks_run() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    {
        let mut script = stream.script();
        script.reads.push_back(from_server(0x88, b""));
        script.reads.extend(std::iter::repeat_n(vec![0; 4096], 1000));
    }
    let mut client = socket(stream.clone(), Role::Client);
    assert!(matches!(client.recv().await.unwrap(), Some(Incoming::Close(None))));
    assert!(client.recv().now_or_never().is_none());
    assert!(stream.script().read_calls < 100);
}
