//! Which rooms can be found, and what users are told who may not come in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

mod support;

use everwire_chat::rooms::{Admission, RoomList};
use everwire_chat_server::{Accounts, Rate, ServerConfig};
use serde_json::{Value, json};
use support::accounts::{accounts, get, sign_in};
use support::{Plain, Server, with_data};

fn rooms(answer: (u16, Value)) -> Vec<String> {
    assert_eq!(answer.0, 200, "{}", answer.1);
    let list = RoomList::from_json(&answer.1.to_string()).unwrap();
    let brief = |room: everwire_chat::rooms::ListedRoom| {
        format!("{} {}{}", room.room, room.here, if room.is_closed { " closed" } else { "" })
    };
    list.rooms.into_iter().map(brief).collect()
}

#[tokio::test]
async fn only_published_rooms_and_the_lobby_can_be_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut operator = Accounts::open(folder.path()).unwrap();
    let server = Server::start(with_data(folder.path())).await;
    let mut ana = Plain::join(&server, "room=secret&userId=ana").await;
    let mut ben = Plain::join(&server, "room=garden&userId=ben").await;
    ana.barrier().await;
    ben.barrier().await;
    assert_eq!(rooms(get(&server, "/api/rooms", None).await), ["lobby 0"]);
    assert!(operator.publish_room("garden").unwrap() && !operator.publish_room("garden").unwrap());
    assert_eq!(rooms(get(&server, "/api/rooms", None).await), ["garden 1", "lobby 0"]);
    assert!(operator.unpublish_room("garden").unwrap() && !operator.unpublish_room("garden").unwrap());
    assert_eq!(rooms(get(&server, "/api/rooms", None).await), ["lobby 0"]);
    assert!(operator.publish_room("no\nroom").is_err());
}

#[tokio::test]
async fn a_server_without_a_folder_lists_the_lobby() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    ana.barrier().await;
    assert_eq!(rooms(get(&server, "/api/rooms", None).await), ["lobby 1"]);
}

#[tokio::test]
async fn a_closed_room_is_listed_for_its_members_only_and_nothing_for_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let config = accounts(folder.path(), &["ana", "ben"]);
    let mut operator = Accounts::open(folder.path()).unwrap();
    operator.close_room("board").unwrap();
    operator.admit("board", "ana").unwrap();
    operator.publish_room("board").unwrap();
    operator.publish_room("garden").unwrap();
    let server = Server::start(config).await;
    let (ana, _) = sign_in(&server, "ana").await;
    let (ben, _) = sign_in(&server, "ben").await;
    assert_eq!(rooms(get(&server, "/api/rooms", Some(&ana)).await), ["board 0 closed", "garden 0", "lobby 0"]);
    assert_eq!(rooms(get(&server, "/api/rooms", Some(&ben)).await), ["garden 0", "lobby 0"]);
    operator.close_room("lobby").unwrap();
    assert_eq!(rooms(get(&server, "/api/rooms", Some(&ben)).await), ["garden 0"]);
    for token in [None, Some("x.y.z")] {
        let (status, answer) = get(&server, "/api/rooms", token).await;
        assert_eq!((status, &answer["code"]), (401, &json!("signed_out")), "{answer}");
    }
    operator.ban("ben").unwrap();
    let (status, answer) = get(&server, "/api/rooms", Some(&ben)).await;
    assert_eq!((status, &answer["code"]), (403, &json!("banned")), "{answer}");
}

#[tokio::test]
async fn a_closed_room_a_ban_and_a_missing_sign_in_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let config = accounts(folder.path(), &["ana", "ben", "cat"]);
    let mut operator = Accounts::open(folder.path()).unwrap();
    operator.close_room("board").unwrap();
    operator.admit("board", "ana").unwrap();
    let server = Server::start(config).await;
    let (ana, _) = sign_in(&server, "ana").await;
    let (ben, _) = sign_in(&server, "ben").await;
    let (cat, _) = sign_in(&server, "cat").await;
    operator.ban("cat").unwrap();
    let ask = async |room: &str, token: Option<&str>| {
        let (status, answer) = get(&server, &format!("/api/admission?room={room}"), token).await;
        assert_eq!(status, 200, "{answer}");
        match Admission::from_json(&answer.to_string()) {
            Some(Admission::Refused { code, reason }) if !reason.is_empty() => code,
            Some(Admission::Admitted) => "admitted".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask("board", Some(&ana)).await, "admitted");
    assert_eq!(ask("board", Some(&ben)).await, "members_only");
    assert_eq!(ask("lobby", Some(&ben)).await, "admitted");
    assert_eq!(ask("lobby", Some(&cat)).await, "banned");
    assert_eq!(ask("board", Some(&cat)).await, "banned");
    assert_eq!(ask("lobby", None).await, "signed_out");
    assert_eq!(ask("lobby", Some("x.y.z")).await, "signed_out");
    assert_eq!(ask("%20", Some(&ana)).await, "invalid_room");
}

#[tokio::test]
async fn questions_count_as_what_a_user_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = accounts(folder.path(), &["ana", "ben"]);
    config.posts = Some(Rate::new(2.0, 0.01));
    let server = Server::start(config).await;
    let (ana, _) = sign_in(&server, "ana").await;
    let (ben, _) = sign_in(&server, "ben").await;
    let mut answered = 0;
    loop {
        let path = if answered % 2 == 0 { "/api/rooms" } else { "/api/admission" };
        let (status, answer) = get(&server, path, Some(&ana)).await;
        if status == 429 {
            assert_eq!(answer["code"], "too_many_attempts", "{answer}");
            break;
        }
        assert_eq!(status, 200, "{answer}");
        answered += 1;
        assert!(answered < 1000, "nothing is counted");
    }
    assert!(answered >= 10, "{answered}");
    assert_eq!(get(&server, "/api/rooms", Some(&ben)).await.0, 200, "others may ask");
}

#[tokio::test]
async fn guests_may_come_into_every_room() {
    let server = Server::start(ServerConfig::default()).await;
    let (status, answer) = get(&server, "/api/admission?room=den", None).await;
    assert_eq!((status, answer), (200, json!({"admitted": true})));
}
