//! The plain format, spoken by a foreign WebSocket library.

mod support;

use everwire_chat_server::ServerConfig;
use serde_json::json;
use std::time::Duration;
use support::accounts::refused;
use support::{Plain, Server, soon, text};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

/// With this grace for those whose connection is lost.
fn within(grace: Duration) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.presence_grace = grace;
    config
}

#[tokio::test]
async fn two_plain_clients_see_each_other_come_speak_and_go() {
    let server = Server::start(within(Duration::from_secs(3600))).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    let joined = ana.next().await;
    assert_eq!(
        (&joined["type"], &joined["userId"], &joined["userName"]),
        (&json!("user_joined"), &json!("ben"), &json!("BEN"))
    );
    assert!(joined["id"].is_string() && joined["timestamp"].is_i64());

    ben.say(&text("1", "ben", "hello")).await;
    let heard = ana.next().await;
    assert_eq!((&heard["id"], &heard["text"], &heard["timestamp"]), (&json!("1"), &json!("hello"), &json!(5)));
    assert_ne!(heard["status"], json!("SENDING"), "nobody vouches for their own message");
    ben.say(&json!({"type":"typing","id":"t","userId":"ben","userName":"BEN","isTyping":true,"timestamp":6})).await;
    assert_eq!(ana.next().await["isTyping"], json!(true));

    ben.barrier().await; // nothing of it came back to where it came from
    ben.socket.close(None).await.unwrap();
    assert_eq!(ana.brief().await, "user_left ben"); // at once, though the connection is still held
}

#[tokio::test]
async fn who_gives_no_name_in_the_address_is_known_by_the_first_message() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::join(&server, "").await;
    ben.barrier().await;
    ana.barrier().await; // an unknown one is not announced
    ben.say(&json!({"type":"user_joined","id":"j","userId":"ben","userName":"Ben","timestamp":1})).await;
    assert_eq!(ana.brief().await, "user_joined ben");
    ben.say(&text("1", "ben", "hi")).await;
    assert_eq!(ana.brief().await, "text ben hi");
}

#[tokio::test]
async fn a_user_is_who_the_connection_said_first_whatever_a_message_claims() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut eve = Plain::named(&server, "eve").await;
    assert_eq!(ana.brief().await, "user_joined eve");
    eve.say(&text("1", "ana", "I am ana")).await;
    let heard = ana.next().await;
    assert_eq!((&heard["userId"], &heard["userName"]), (&json!("eve"), &json!("EVE")));
    eve.say(&json!({"type":"user_left","id":"l","userId":"ana","userName":"ANA","timestamp":1})).await;
    eve.say(&json!({"type":"stored","id":"1","offset":9})).await;
    eve.barrier().await;
    ana.barrier().await;
}

#[tokio::test]
async fn the_two_connections_of_a_user_hear_each_other_and_count_as_one_person() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut phone = Plain::named(&server, "ben").await;
    let mut laptop = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    phone.say(&text("1", "ben", "from the phone")).await;
    assert_eq!(laptop.brief().await, "text ben from the phone");
    assert_eq!(ana.brief().await, "text ben from the phone");
    phone.barrier().await;
    phone.socket.close(None).await.unwrap();
    laptop.say(&text("2", "ben", "still here")).await;
    assert_eq!(ana.brief().await, "text ben still here", "no user_left while a connection is there");
    laptop.socket.close(None).await.unwrap();
    assert_eq!(ana.brief().await, "user_left ben");
}

#[tokio::test]
async fn a_cut_shorter_than_the_grace_goes_unnoticed_and_a_longer_one_is_told() {
    let server = Server::start(within(Duration::from_secs(3600))).await;
    let mut ana = Plain::named(&server, "ana").await;
    let ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    drop(ben); // without a close frame
    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", "back")).await;
    assert_eq!(ana.brief().await, "text ben back");

    let server = Server::start(within(Duration::from_millis(50))).await;
    let mut ana = Plain::named(&server, "ana").await;
    let ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    drop(ben);
    assert_eq!(ana.brief().await, "user_left ben");
}

#[tokio::test]
async fn a_repeated_id_is_delivered_once() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    for (id, words) in [("1", "one"), ("1", "one"), ("2", "two"), ("1", "one"), ("3", "three")] {
        ben.say(&text(id, "ben", words)).await;
    }
    for words in ["one", "two", "three"] {
        assert_eq!(ana.brief().await, format!("text ben {words}"));
    }
}

#[tokio::test]
async fn r14_a_batch_is_taken_in_order_and_what_is_no_chat_in_it_is_left_out() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    ben.say(&json!([text("1", "ben", "a"), 7, {"type": "reaction"}, text("2", "ben", "b")])).await;
    assert_eq!((ana.brief().await, ana.brief().await), ("text ben a".into(), "text ben b".into()));
}

#[tokio::test]
async fn r15_a_binary_message_is_handed_on_as_it_is_and_overtakes_no_line() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    for n in 0..50_u8 {
        ben.say(&text(&n.to_string(), "ben", &n.to_string())).await;
        ben.send(Message::binary(vec![n])).await;
    }
    for n in 0..50_u8 {
        assert_eq!(ana.brief().await, format!("text ben {n}"));
        assert_eq!(ana.raw().await, Message::binary(vec![n]));
    }
}

#[tokio::test]
async fn rooms_are_apart() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::join(&server, "userId=ana&room=garden%20%26%20shed").await;
    let mut eve = Plain::join(&server, "userId=eve&room=kitchen").await;
    eve.say(&text("1", "eve", "not for ana")).await;
    eve.barrier().await;
    let mut ben = Plain::join(&server, "userId=ben&room=garden%20%26%20shed").await;
    ben.barrier().await;
    assert_eq!(ana.brief().await, "user_joined ben");
}

#[tokio::test]
async fn a_malformed_address_is_refused_with_a_line_that_says_why() {
    let server = Server::start(ServerConfig::default()).await;
    for (query, words) in [
        ("room=%0a", "blank"),
        ("room=%20x", "spaces around it"),
        ("userId=", "id is empty"),
        ("userId=u&userName=a%1bb", "control characters"),
        ("after=7", "EPOCH:OFFSET"),
    ] {
        match soon("an answer", connect_async(format!("{}?{query}", server.url()))).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 400);
                let body = String::from_utf8(response.into_body().unwrap_or_default()).unwrap();
                assert!(body.contains(words) && body.lines().count() == 1, "{query}: {body}");
            }
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_address_that_contradicts_itself_is_refused() {
    let server = Server::start(ServerConfig::default()).await;
    for query in ["strict=1&after=", "strict=1&errors=1", "strict=yes", "errors=2", "history=all", "history=-1"] {
        let (status, words) = refused(&server, query).await;
        assert!(status == 400 && words.contains('`'), "{query}: {status} {words}");
    }
    Plain::join(&server, "strict=0&errors=1&history=0").await.barrier().await;
}

#[tokio::test]
async fn history_tells_how_far_ones_own_texts_have_come_and_goes_on_with_what_is_said() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    for id in ["1", "2", "3"] {
        ana.say(&text(id, "ana", id)).await;
    }
    ana.barrier().await;
    let mut ben = Plain::join(&server, "userId=ben&history=500").await;
    for id in ["1", "2", "3"] {
        assert_eq!(ben.next().await["id"], json!(id));
    }
    assert_eq!(ben.brief().await, "user_joined ana");
    ben.say(&json!({"type": "receipt", "delivered": 2, "read": 1})).await;
    ben.barrier().await;
    let mut phone = Plain::join(&server, "userId=ana&history=3").await;
    let told = [phone.next().await, phone.next().await, phone.next().await];
    assert_eq!(told.map(|event| event["status"].clone()), [json!("READ"), json!("DELIVERED"), json!("SENT")]);
    assert_eq!(phone.brief().await, "user_joined ben", "and not ana herself");
    ben.say(&text("4", "ben", "live")).await;
    assert_eq!(phone.brief().await, "text ben live");
}
