//! Connections that are refused, not answered, answered with an error, or late.

use std::io::ErrorKind;
use std::time::Instant;

use everwire_testkit::faults::{Answer, Connections, Ending, Fault, Rule, When};
use everwire_testkit::proxy::{EventKind, Proxy};
use tokio::net::TcpStream;

use crate::support::{
    assert_silent, connect, event, eventually, expect, fault, ms, pair, proxied, send, to_end, within,
};

#[tokio::test]
async fn a_single_refusal_is_a_reset_and_the_server_sees_nothing() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Refuse).on(Connections::Only(vec![1]))]).await;
    let mut refused = connect(&proxy).await;
    assert_eq!(to_end(&mut refused).await.1, Some(ErrorKind::ConnectionReset));
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"second").await;
    expect(&mut peer, b"second").await;
    assert!(!server.has_more());
    assert_eq!((proxy.stats().refused, proxy.stats().connections), (1, 2));
}

#[tokio::test]
async fn a_refusal_of_everybody_is_a_closed_port_that_opens_in_time() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Refuse).when(When::At(ms(0))).lasting(ms(300))]).await;
    event(&proxy, |kind| *kind == EventKind::Closing).await;
    let error = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    event(&proxy, |kind| *kind == EventKind::Listening).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"open").await;
    expect(&mut peer, b"open").await;
}

#[tokio::test]
async fn a_mute_connection_takes_everything_and_says_nothing() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Mute)]).await;
    let mut client = connect(&proxy).await;
    send(&mut client, &vec![1; 1 << 20]).await;
    fault(&proxy, "mute").await;
    assert_silent(&client);
    assert!(!server.has_more());
    proxy.cut_all(Ending::Reset);
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    eventually(|| proxy.open().is_empty()).await;
}

#[tokio::test]
async fn an_answer_is_a_whole_http_response_and_the_end() {
    let answer = Answer { body: "later".into(), ..Answer::new(503).header("retry-after", "5") };
    let (proxy, mut server) = proxied([Rule::new(Fault::Answer(answer))]).await;
    let mut client = connect(&proxy).await;
    send(&mut client, b"GET / HTTP/1.1\r\n").await;
    send(&mut client, b"Host: h\r\n\r\n").await;
    let (response, error) = to_end(&mut client).await;
    let expected = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 5\r\nconnection: \
                    close\r\n\r\nlater";
    assert_eq!((String::from_utf8(response).unwrap().as_str(), error), (expected, None));
    assert!(!server.has_more());
    drop(client);
    eventually(|| proxy.open().is_empty()).await;
    assert_eq!(proxy.stats().to_client, expected.len() as u64);
}

#[tokio::test]
async fn a_client_that_leaves_before_it_asks_ends_the_answer_too() {
    let (proxy, _server) = proxied([Rule::new(Fault::Answer(Answer::new(500)))]).await;
    let client = connect(&proxy).await;
    event(&proxy, |kind| matches!(kind, EventKind::Opened { .. })).await;
    drop(client);
    event(&proxy, |kind| matches!(kind, EventKind::Closed { .. })).await;
}

#[tokio::test]
async fn a_late_connection_reaches_the_server_after_its_successor_with_all_that_was_said() {
    let rule = Rule::new(Fault::Late(ms(300))).on(Connections::Only(vec![1]));
    let (proxy, mut server) = proxied([rule]).await;
    let start = Instant::now();
    let mut abandoned = connect(&proxy).await;
    send(&mut abandoned, b"the ghost").await;
    drop(abandoned);
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"the successor").await;
    expect(&mut peer, b"the successor").await;
    let mut ghost = server.accept().await;
    assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
    assert_eq!(to_end(&mut ghost).await, (b"the ghost".to_vec(), None));
}

#[tokio::test]
async fn a_late_connection_can_be_cut_while_it_waits() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Late(ms(600_000)))]).await;
    let mut client = connect(&proxy).await;
    event(&proxy, |kind| matches!(kind, EventKind::Opened { .. })).await;
    eventually(|| !proxy.open().is_empty()).await;
    proxy.cut_all(Ending::Close);
    assert_eq!(to_end(&mut client).await, (vec![], None));
    drop(client);
    eventually(|| proxy.open().is_empty()).await;
    assert!(!server.has_more());
}

#[tokio::test]
async fn a_server_that_does_not_accept_in_time_is_unreachable() {
    // A port that is bound but where nobody accepts, with its queue full, takes connections and never answers.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(ms(200), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let proxy = Proxy::builder(address.to_string()).dial_timeout(ms(50)).start().await.unwrap();
    let mut client = connect(&proxy).await;
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    let told = event(&proxy, |kind| matches!(kind, EventKind::Unreachable { .. })).await.to_string();
    assert!(told.contains("no answer in time"), "{told}");
    within(proxy.stop()).await;
}
