//! When and how queued bytes reach the stream.

use everwire_tokio::SocketError;
use everwire_ws::{CloseCode, Incoming, Message, Role};
use futures_util::FutureExt as _;

use crate::streams::*;

#[tokio::test]
async fn many_queued_messages_are_one_write() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    let mut socket = socket(stream.clone(), Role::Server);
    for i in 0..100 {
        assert!(socket.queue(&Message::text(format!("message {i}"))));
    }
    assert_eq!(stream.script().write_calls, 0);
    socket.flush().await.unwrap();
    assert_eq!(stream.script().write_calls, 1);
}

#[tokio::test]
async fn large_messages_are_one_write_whether_the_stream_takes_several_slices_or_not() {
    let large = Message::binary(vec![7; 100_000]);
    let mut wires = Vec::new();
    for vectored in [false, true] {
        let stream = Scripted::with(Script { takes: usize::MAX, vectored, ..Script::default() });
        let mut socket = socket(stream.clone(), Role::Server);
        for _ in 0..5 {
            assert!(socket.queue(&Message::text("small")) && socket.queue(&large));
        }
        socket.flush().await.unwrap();
        assert_eq!((stream.script().write_calls, socket.buffered()), (1, 0));
        wires.push(std::mem::take(&mut stream.script().written));
    }
    assert_eq!(wires[0].len(), 5 * (7 + 10 + 100_000));
    assert_eq!(wires[0], wires[1]);
}

#[tokio::test]
async fn more_pieces_than_go_into_one_write_all_go_out() {
    let stream = Scripted::with(Script { takes: 70_000, vectored: true, ..Script::default() });
    let mut server = socket(stream.clone(), Role::Server);
    let messages: Vec<_> = (0..50).map(|n| Message::binary(vec![n; 20_000])).collect();
    for message in &messages {
        assert!(server.queue(message));
    }
    server.flush().await.unwrap();
    assert_eq!(server.written_total(), server.queued_total());

    let written = std::mem::take(&mut stream.script().written);
    stream.script().reads.push_back(written);
    let mut client = socket(stream, Role::Client);
    for message in messages {
        assert_eq!(client.recv().await.unwrap(), Some(Incoming::Message(message)));
    }
}

#[tokio::test]
async fn totals_say_which_frames_the_transport_has() {
    let stream = Scripted::with(Script { takes: 5, ..Script::default() });
    let mut socket = socket(stream.clone(), Role::Server);
    assert!(socket.queue(&Message::text("abc")));
    let first = socket.queued_total();
    assert!(socket.queue(&Message::text("def")));
    assert_eq!((first, socket.queued_total(), socket.buffered(), socket.written_total()), (5, 10, 10, 0));
    socket.flush().await.unwrap();
    assert_eq!((socket.buffered(), socket.written_total()), (0, 10));
    assert_eq!(stream.script().write_calls, 2);

    stream.script().takes = 0;
    assert!(socket.queue(&Message::text("ghi")));
    assert!(socket.flush().now_or_never().is_none());
    assert_eq!((socket.buffered(), socket.written_total()), (5, 10));
}

#[tokio::test]
async fn what_was_offered_to_a_write_that_failed_may_have_been_sent_and_nothing_else() {
    let large = Message::binary(vec![7; 100_000]);
    for vectored in [false, true] {
        let stream = Scripted::with(Script { takes: 5, vectored, ..Script::default() });
        let mut socket = socket(stream.clone(), Role::Server);
        assert!(socket.queue(&Message::text("abc")));
        socket.flush().await.unwrap();
        assert_eq!((socket.written_total(), socket.written_at_most()), (5, 5));
        assert!(socket.queue(&Message::text("def")) && socket.queue(&large));
        let offered = socket.queued_total();
        stream.script().write_error = Some(std::io::ErrorKind::ConnectionReset);
        assert!(socket.flush().await.is_err());
        assert!(socket.queue(&Message::text("behind it")));
        assert!(socket.flush().await.is_err());
        assert_eq!((socket.written_total(), socket.written_at_most()), (5, offered));
    }
}

#[tokio::test]
async fn a_stream_that_holds_back_is_flushed_once_all_is_written() {
    let stream = Scripted::with(Script { takes: 3, ..Script::default() });
    let mut socket = socket(stream.clone(), Role::Server);
    assert!(socket.queue(&Message::text("hello")));
    socket.flush().await.unwrap();
    assert_eq!(stream.script().flushed, 7);
}

#[tokio::test]
async fn receiving_alone_answers_pings() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    stream.script().reads.push_back(from_server(0x89, b"p"));
    let mut socket = socket(stream.clone(), Role::Client);
    assert_eq!(socket.recv().await.unwrap(), Some(Incoming::Ping("p".into())));
    assert!(socket.recv().now_or_never().is_none());
    let script = stream.script();
    assert_eq!(script.written[..2], [0x8a, 0x81]);
    assert_eq!(script.flushed, script.written.len());
}

#[tokio::test]
async fn two_peers_that_only_send_and_then_receive_do_not_deadlock() {
    let (mut client, mut server) = pair(64);
    let message = Message::binary(vec![7; 10_000]);
    assert!(client.queue(&message) && server.queue(&message));
    let (by_client, by_server) = tokio::join!(
        async {
            let got = client.recv().await.unwrap();
            client.flush().await.unwrap();
            got
        },
        async {
            let got = server.recv().await.unwrap();
            server.flush().await.unwrap();
            got
        },
    );
    assert_eq!(by_client, Some(Incoming::Message(message.clone())));
    assert_eq!(by_server, Some(Incoming::Message(message)));
}

#[tokio::test]
async fn the_peers_last_words_come_before_the_write_error() {
    let stream = Scripted::with(Script { write_error: Some(std::io::ErrorKind::BrokenPipe), ..Script::default() });
    stream.script().reads.push_back(from_server(0x81, b"last words"));
    stream.script().end_of_stream = true;
    let mut socket = socket(stream, Role::Client);
    assert!(matches!(socket.send(&Message::text("x")).await, Err(SocketError::Io(_))));
    assert_eq!(socket.recv().await.unwrap(), Some(Incoming::Message(Message::text("last words"))));
    match socket.recv().await {
        Err(SocketError::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe),
        other => panic!("{other:?}"),
    }
    assert_eq!(socket.recv().await.unwrap(), None);
    assert!(socket.flush().await.is_err(), "writing stays failed");
}

#[tokio::test]
async fn a_write_error_is_not_waited_out_when_nothing_can_be_read() {
    let stream = Scripted::with(Script { write_error: Some(std::io::ErrorKind::ConnectionReset), ..Script::default() });
    let mut socket = socket(stream, Role::Client);
    assert!(socket.queue(&Message::text("x")));
    assert!(matches!(socket.recv().await, Err(SocketError::Io(_))));
}

#[tokio::test]
async fn sending_behind_a_close_frame_is_an_error() {
    let stream = Scripted::with(Script { takes: usize::MAX, ..Script::default() });
    let mut socket = socket(stream, Role::Client);
    socket.queue_close(CloseCode::NORMAL, "");
    assert!(matches!(socket.send(&Message::text("x")).await, Err(SocketError::Closing)));
    assert!(!socket.queue(&Message::text("x")));
    assert!(!socket.queue_ping(b""));
}
