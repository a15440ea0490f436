//! Who may come in: accounts, tokens, bans, closed rooms.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

mod support;

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everwire_chat::ChatClient;
use everwire_chat_server::{AccountError, Accounts, Auth, Issuer, Rate, ServerConfig};
use futures_util::StreamExt;
use futures_util::future::join_all;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use support::accounts::{PASSWORD, accounts, post, post_from, refused, sign_in};
use support::{Plain, Server, events, soon, text, with_data};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[tokio::test]
async fn a_user_is_who_the_token_says_whatever_is_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana", "ben"])).await;
    let (token, _) = sign_in(&server, "ana").await;
    let (other, _) = sign_in(&server, "ben").await;
    let mut ben = Plain::join(&server, &format!("token={other}")).await;
    ben.barrier().await;
    let mut ana = Plain::join(&server, &format!("userId=ana&userName=Ben&token={token}")).await;
    assert_eq!(ben.brief().await, "user_joined ana");
    ana.say(&text("1", "ben", "it is me, Ben")).await;
    let line = ben.next().await;
    assert_eq!((line["userId"].as_str(), line["userName"].as_str()), (Some("ana"), Some("ANA")));

    // A client that claims to be another user would show and store things as that user's.
    let (status, words) = refused(&server, &format!("userId=ben&token={token}")).await;
    assert!(status == 403 && words.contains("not that of the user named by `userId`"), "{status} {words}");

    // A native client sends it as a header.
    let mut request = server.url().into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    soon("an upgrade", connect_async(request)).await.unwrap();
}

#[tokio::test]
async fn without_a_good_token_nobody_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    assert_eq!(refused(&server, "userId=ana").await.0, 401);
    let (status, words) = refused(&server, "token=x.y.z").await;
    assert!(status == 401 && words.contains("JSON web token"), "{words}");
    let (token, _) = sign_in(&server, "ana").await;
    let parts: Vec<&str> = token.split('.').collect();
    let changed = |part: &str, from: &str, to: &str| {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert!(text.contains(from), "{text}");
        URL_SAFE_NO_PAD.encode(text.replace(from, to))
    };
    let forged = format!("{}.{}.{}", parts[0], changed(parts[1], "\"ana\"", "\"eve\""), parts[2]);
    assert!(refused(&server, &format!("token={forged}")).await.1.contains("signature"));
    let unsigned = format!("{}.{}.", changed(parts[0], "HS256", "none"), parts[1]);
    assert!(refused(&server, &format!("token={unsigned}")).await.1.contains("algorithm"));

    // That of another server.
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Server::start(accounts(folder.path(), &["ana"])).await;
    let (foreign, _) = sign_in(&elsewhere, "ana").await;
    assert!(refused(&server, &format!("token={foreign}")).await.1.contains("signature"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_the_same_and_many_have_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let wrong = post(&server, "/api/sign-in", &json!({"user": "ana", "password": "wrong horse"})).await;
    let unknown =
        post(&server, "/api/sign-in", &json!({"user": "'; DROP TABLE accounts; --", "password": PASSWORD})).await;
    assert_eq!((wrong.0, &wrong), (401, &unknown));
    assert_eq!(post(&server, "/api/sign-in", &json!({"user": "ana"})).await.0, 400);
    let mut last = 0;
    for _ in 0..12 {
        last = post(&server, "/api/sign-in", &json!({"user": "ana", "password": "wrong horse"})).await.0;
    }
    assert_eq!(last, 429);
    assert_eq!(post(&server, "/api/sign-in", &json!({"user": "ana", "password": PASSWORD})).await.0, 429, "even so");
}

#[tokio::test]
async fn right_passwords_are_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ci"])).await;
    for _ in 0..14 {
        sign_in(&server, "ci").await;
    }
}

// Elsewhere a machine has one loopback address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn only_so_many_passwords_wait_to_be_looked_at_and_more_are_asked_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let attempts = (0..200_u8).map(|n| {
        let guess = json!({"user": format!("user {n}"), "password": PASSWORD});
        let from = std::net::Ipv4Addr::new(127, 0, 1, 1 + n % 20);
        let server = &server;
        async move { post_from(server, from, "/api/sign-in", &guess).await.0 }
    });
    let statuses = join_all(attempts).await;
    assert!(statuses.contains(&503) && statuses.contains(&401), "{statuses:?}");
    sign_in(&server, "ana").await;
}

#[tokio::test]
async fn the_limit_does_not_tell_which_users_there_are() {
    let mut answers = Vec::new();
    for user in ["nobody", "ana"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(accounts(folder.path(), &["ana"])).await;
        let mut of_one = Vec::new();
        for _ in 0..12 {
            of_one.push(post(&server, "/api/sign-in", &json!({"user": user, "password": "wrong horse"})).await.0);
        }
        answers.push(of_one);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains(&429));
}

#[tokio::test]
async fn a_user_that_there_can_not_be_is_as_wrong_as_one_that_there_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    for _ in 0..12 {
        let endless = json!({"user": "x".repeat(10_000), "password": PASSWORD});
        let (status, answer) = post(&server, "/api/sign-in", &endless).await;
        assert_eq!(status, 401, "{answer}");
    }
}

#[tokio::test]
async fn refresh_tokens_are_not_to_be_guessed_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    for path in ["/api/refresh", "/api/sign-out"] {
        // Many at a time, and so more than the twenty a second that are let through for ever.
        let guess = json!({"refresh": "made up"});
        let guesses = async || join_all((0..100).map(|_| post(&server, path, &guess))).await;
        soon("it has to wait", async { while guesses().await.iter().all(|(status, _)| *status != 429) {} }).await;
    }
    sign_in(&server, "ana").await;
}

/// The next start, as many days later by the wall clock.
async fn restarted_later(server: Server, folder: &Path, config: ServerConfig, days: i64) -> Server {
    server.stop().await;
    let ahead = days * 86_400_000;
    let database = rusqlite::Connection::open(folder.join("history.sqlite")).unwrap();
    let clock: String =
        database.query_row("SELECT value FROM meta WHERE key = 'sign_in_clock'", [], |row| row.get(0)).unwrap();
    let (own, wall) = clock.split_once(' ').unwrap();
    // All that was stored is as much older.
    let older = |reading: &str| reading.parse::<i64>().unwrap() - ahead;
    let clock = format!("{} {}", older(own), older(wall));
    database.execute("UPDATE meta SET value = ?1 WHERE key = 'sign_in_clock'", [clock]).unwrap();
    database.execute("UPDATE refreshes SET expires = expires - ?1", [ahead]).unwrap();
    drop(database);
    Server::start(config).await
}

#[tokio::test]
async fn a_clock_that_has_leapt_ends_no_sign_in_and_days_that_have_passed_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = accounts(folder.path(), &["ana", "ben"]);
    let server = Server::start(config.clone()).await;
    let (_, mut refresh) = sign_in(&server, "ana").await;
    let (_, of_ben) = sign_in(&server, "ben").await;
    let server = restarted_later(server, folder.path(), config.clone(), 400).await;
    // A sign-in of any user forgets the sign-ins that are over.
    sign_in(&server, "ben").await;
    for _ in 0..2 {
        let (status, answer) = post(&server, "/api/refresh", &json!({ "refresh": refresh })).await;
        assert_eq!(status, 200, "{answer}");
        let token = answer["token"].as_str().unwrap();
        drop(Plain::join(&server, &format!("token={token}")).await);
        answer["refresh"].as_str().unwrap().clone_into(&mut refresh);
    }
    assert_eq!(post(&server, "/api/refresh", &json!({ "refresh": of_ben })).await.0, 200);

    let server = restarted_later(server, folder.path(), config.clone(), -400).await;
    let (status, answer) = post(&server, "/api/refresh", &json!({ "refresh": refresh })).await;
    assert_eq!(status, 200, "{answer}");
    let refresh = answer["refresh"].clone();

    // Stopped for two days at a time.
    let mut server = server;
    for _ in 0..16 {
        server = restarted_later(server, folder.path(), config.clone(), 2).await;
    }
    assert_eq!(post(&server, "/api/refresh", &json!({ "refresh": refresh })).await.0, 401);
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_one_and_signing_out_ends_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let (_, first) = sign_in(&server, "ana").await;
    let (status, second) = post(&server, "/api/refresh", &json!({"refresh": first})).await;
    assert_eq!((status, second["user"].as_str()), (200, Some("ana")));
    Plain::join(&server, &format!("token={}", second["token"].as_str().unwrap())).await.barrier().await;
    // The answer was lost on its way: until the next one is used it may be asked for again.
    let (status, third) = post(&server, "/api/refresh", &json!({"refresh": first})).await;
    assert_eq!(status, 200);
    assert_eq!(post(&server, "/api/sign-out", &json!({"refresh": third["refresh"]})).await.0, 204);
    for token in [&json!(first), &second["refresh"], &third["refresh"], &json!("made up")] {
        assert_eq!(post(&server, "/api/refresh", &json!({"refresh": token})).await.0, 401, "{token}");
    }
}

/// A connection by this token, which is in the room.
async fn inside(server: &Server, token: &str) -> Plain {
    let mut inside = Plain::join(server, &format!("token={token}")).await;
    inside.barrier().await;
    inside
}

#[tokio::test]
async fn a_sign_in_that_is_over_ends_its_connections_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let (token, refresh) = sign_in(&server, "ana").await;
    let (elsewhere, _) = sign_in(&server, "ana").await;
    let (mut here, mut there) = (inside(&server, &token).await, inside(&server, &elsewhere).await);
    assert_eq!(post(&server, "/api/sign-out", &json!({"refresh": refresh})).await.0, 204);
    assert_eq!(here.close_code().await, 1008);
    let (status, words) = refused(&server, &format!("token={token}")).await;
    assert!(status == 401 && words.contains("sign-in is over"), "{status} {words}");
    there.barrier().await;
}

#[tokio::test]
async fn a_refresh_token_that_comes_from_a_copy_ends_the_sign_in_for_all_who_have_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let (_, first) = sign_in(&server, "ana").await;
    let refreshed = async |token: &Value| {
        let (status, answer) = post(&server, "/api/refresh", &json!({"refresh": token})).await;
        (status, answer["token"].as_str().unwrap_or_default().to_owned(), answer["refresh"].clone())
    };
    let (_, token, own) = refreshed(&json!(first)).await;
    let mut owner = inside(&server, &token).await;
    let (status, stolen_token, stolen) = refreshed(&json!(first)).await;
    assert_eq!(status, 200, "the owner's answer might have been lost");
    assert_eq!(owner.close_code().await, 1008, "of two who go on from one token only the second is in");
    let mut thief = inside(&server, &stolen_token).await;
    assert_eq!(refreshed(&own).await.0, 401);
    assert_eq!(thief.close_code().await, 1008);
    assert_eq!(refreshed(&stolen).await.0, 401);
    assert_eq!(refused(&server, &format!("token={stolen_token}")).await.0, 401);
}

#[tokio::test]
async fn a_ban_ends_what_goes_on_and_lets_nobody_back_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["eve", "ana"])).await;
    let (token, refresh) = sign_in(&server, "eve").await;
    let mut eve = Plain::join(&server, &format!("token={token}")).await;
    eve.barrier().await;
    let mut accounts = Accounts::open(folder.path()).unwrap();
    assert!(accounts.ban("eve").unwrap() && !accounts.ban("eve").unwrap());
    assert_eq!(eve.close_code().await, 1008);
    assert_eq!(refused(&server, &format!("token={token}")).await, (403, "this user is banned\n".into()));
    assert_eq!(post(&server, "/api/refresh", &json!({"refresh": refresh})).await.0, 401);
    assert_eq!(post(&server, "/api/sign-in", &json!({"user": "eve", "password": PASSWORD})).await.0, 403);
    assert!(accounts.unban("eve").unwrap());
    sign_in(&server, "eve").await;
}

#[tokio::test]
async fn a_ban_ends_what_somebody_is_still_catching_up_with() {
    const LINES: usize = 1200;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["eve"])).await;
    let (token, _) = sign_in(&server, "eve").await;
    let mut eve = Plain::join(&server, &format!("token={token}&after=")).await;
    let epoch = eve.next().await["epoch"].as_str().unwrap().to_owned();
    // More than both kernels hold of it.
    let long = "x".repeat(16_000);
    for n in 0..LINES / 3 {
        let lines: Vec<Value> = (0..3).map(|m| text(&format!("{n}.{m}"), "eve", &long)).collect();
        eve.say(&json!(lines)).await;
    }
    while eve.next().await["offset"] != json!(LINES) {}
    let mut late = Plain::join(&server, &format!("token={token}&after={epoch}:0")).await;
    assert_eq!(late.brief().await, "sync");
    Accounts::open(folder.path()).unwrap().ban("eve").unwrap();
    assert_eq!(eve.close_code().await, 1008);
    let mut lines = 0;
    let code = loop {
        match late.raw().await {
            Message::Text(said) => lines += events(&said).len(),
            Message::Close(frame) => break u16::from(frame.unwrap().code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1008);
    assert!(lines < LINES, "the end came only behind all of them");
}

#[tokio::test]
async fn a_user_who_gets_the_name_of_one_that_was_removed_is_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana"])).await;
    let (token, _) = sign_in(&server, "ana").await;
    let mut accounts = Accounts::open(folder.path()).unwrap();
    accounts.close_room("board").unwrap();
    assert!(accounts.admit("board", "ana").unwrap() && accounts.admit("board", "guest").unwrap());
    assert!(accounts.remove("guest").is_err(), "who has no account keeps the memberships");
    accounts.remove("ana").unwrap();
    accounts.add("ana", "Another Ana", "another horse").unwrap();
    assert_eq!(refused(&server, &format!("token={token}")).await.0, 401);
    assert_eq!(accounts.closed_rooms().unwrap()[0].members, ["guest"]);
}

#[tokio::test]
async fn a_new_password_and_a_removed_account_end_what_was_signed_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana", "ben"])).await;
    for (user, removed) in [("ana", false), ("ben", true)] {
        let (token, _) = sign_in(&server, user).await;
        let mut member = Plain::join(&server, &format!("token={token}")).await;
        member.barrier().await;
        let mut accounts = Accounts::open(folder.path()).unwrap();
        if removed {
            accounts.remove(user).unwrap();
        } else {
            accounts.set_password(user, "another horse").unwrap();
        }
        assert_eq!(member.close_code().await, 1008);
        assert_eq!(refused(&server, &format!("token={token}")).await.0, 401);
    }
}

#[tokio::test]
async fn a_closed_room_is_for_its_members() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(accounts(folder.path(), &["ana", "ben"])).await;
    let mut accounts = Accounts::open(folder.path()).unwrap();
    let (ana, _) = sign_in(&server, "ana").await;
    let (ben, _) = sign_in(&server, "ben").await;
    let mut inside = Plain::join(&server, &format!("room=board&token={ben}")).await;
    inside.barrier().await;
    accounts.admit("board", "ana").unwrap();
    accounts.close_room("board").unwrap();
    assert_eq!(inside.close_code().await, 1008, "who is no member leaves");
    assert_eq!(refused(&server, &format!("room=board&token={ben}")).await.0, 403);
    Plain::join(&server, &format!("room=board&token={ana}")).await.barrier().await;
    Plain::join(&server, &format!("room=lobby&token={ben}")).await.barrier().await;
    assert_eq!(accounts.closed_rooms().unwrap()[0].members, ["ana"]);
    accounts.open_room("board").unwrap();
    Plain::join(&server, &format!("room=board&token={ben}")).await.barrier().await;
}

/// An issuer of tokens, with its keys in a file.
struct Foreign(Ed25519KeyPair);

impl Foreign {
    fn new() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    fn keys(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]}).to_string()
    }

    fn token(&self, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "1"})), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())))
    }
}

#[tokio::test]
async fn tokens_of_an_issuer_are_judged_by_its_keys_its_name_and_their_audience() {
    let folder = tempfile::tempdir().unwrap();
    let (issuer, stranger) = (Foreign::new(), Foreign::new());
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, issuer.keys()).unwrap();
    let mut config = with_data(folder.path());
    config.auth = Auth::Issuer(Issuer { keys: keys.clone(), name: "https://id".into(), audience: "chat".into() });
    let server = Server::start(config).await;

    let far = 4_000_000_000_u64;
    let good = json!({"iss": "https://id", "aud": ["x", "chat"], "sub": "ana", "name": "Ana", "exp": far});
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        issuer.token(&claims)
    };
    let mut ana = Plain::join(&server, &format!("token={}", issuer.token(&good))).await;
    ana.barrier().await;
    let named =
        |who: &str, claims: &Value| format!("userId=ana&userName={who}&room=names&token={}", issuer.token(claims));
    let mut watching =
        Plain::join(&server, &named("x", &json!({"iss": "https://id", "aud": "chat", "sub": "ana", "exp": 4e9 + 0.5})))
            .await;
    watching.barrier().await;
    let mut nameless = json!({"iss": "https://id", "aud": "chat", "sub": "ben", "exp": far});
    let _ben = Plain::join(&server, &format!("userName=Ana&room=names&token={}", issuer.token(&nameless))).await;
    assert_eq!(watching.next().await["userName"], json!("ben"), "the issuer says no name, and nobody else does");
    nameless["name"] = json!("Benjamin");
    let mut renamed = Plain::join(&server, &format!("room=names&token={}", issuer.token(&nameless))).await;
    renamed.barrier().await;
    let mut cleo = with("sub", json!("cleo"));
    cleo.insert_str(0, "room=names&after=&token=");
    let users = Plain::join(&server, &cleo).await.next().await["users"].clone();
    assert!(
        users.to_string().contains("Benjamin") && !users.to_string().contains("\"ben\",\"userName\":\"ben\""),
        "{users}"
    );
    for (token, why) in [
        (with("iss", json!("https://elsewhere")), "another issuer"),
        (with("aud", json!("shop")), "another audience"),
        (with("exp", json!(1_000_000_000)), "expired"),
        (with("nbf", json!(far)), "not valid yet"),
        (with("sub", json!("")), "breaks a limit"),
        (stranger.token(&good), "signature is wrong"),
    ] {
        let (status, words) = refused(&server, &format!("token={token}")).await;
        assert!(status == 401 && words.contains(why), "{words}");
    }
    assert_eq!(post(&server, "/api/sign-in", &json!({"user": "ana", "password": PASSWORD})).await.0, 404);
    // A ban holds for users without an account too.
    Accounts::open(folder.path()).unwrap().ban("ana").unwrap();
    assert_eq!(ana.close_code().await, 1008);
}

#[tokio::test]
async fn a_new_name_reaches_who_is_connected_and_one_sees_oneself_as_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Foreign::new();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, issuer.keys()).unwrap();
    let mut config = with_data(folder.path());
    config.auth = Auth::Issuer(Issuer { keys, name: "https://id".into(), audience: "chat".into() });
    let server = Server::start(config).await;
    let token = move |user: &str, name: &str, exp: u64| {
        issuer.token(&json!({"iss": "https://id", "aud": "chat", "sub": user, "name": name, "exp": exp}))
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut ben = Plain::join(&server, &format!("after=&token={}", token("ben", "Ben", now + 3600))).await;
    assert_eq!(ben.brief().await, "sync");
    assert_eq!(ben.next().await, json!({"type": "presence", "userId": "ben", "userName": "Ben", "away": false}));
    let claimed = format!("after=&userId=ana&userName=Boss&token={}", token("ana", "Ana", now - 30));
    // Within the minute that clocks may be apart, and so asked for a fresh one at once.
    let mut ana = Plain::join(&server, &claimed).await;
    assert_eq!(ana.brief().await, "sync");
    assert_eq!(ana.next().await["userName"], json!("Ana"), "not as she calls herself");
    while ana.brief().await != "token_due" {}
    ana.say(&json!({"type": "token", "token": token("ana", "Ana Lima", now + 3600)})).await;
    assert_eq!(ana.next().await["userName"], json!("Ana Lima"));
    assert_eq!(ben.next().await["userName"], json!("Ana"), "she comes");
    assert_eq!(ben.next().await, json!({"type": "presence", "userId": "ana", "userName": "Ana Lima", "away": false}));
    ana.say(&text("1", "ana", "hi")).await;
    assert_eq!(ben.next().await["userName"], json!("Ana Lima"));

    let good = token("cleo", "Cleo", now + 3600);
    let cleo = ChatClient::builder(server.url(), "Boss").user_id("cleo");
    let cleo = cleo.token(move |_| std::future::ready(Ok(good.clone()))).build().unwrap();
    let mut updates = cleo.updates();
    while cleo.me().user_name != "Cleo" {
        soon("a word of the server", updates.next()).await.unwrap();
    }
    soon("the new name of another", async {
        while !cleo.users().iter().any(|user| user.user_name == "Ana Lima") {
            updates.next().await.unwrap();
        }
    })
    .await;
    let renamed = format!("token={}", token("ana", "Ana Sousa", now + 3600));
    let _elsewhere = Plain::join(&server, &renamed).await;
    soon("the name that she comes in with elsewhere", async {
        while !cleo.users().iter().any(|user| user.user_name == "Ana Sousa") {
            updates.next().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn users_whose_names_look_alike_are_shown_apart_by_the_id_that_somebody_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Foreign::new();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, issuer.keys()).unwrap();
    let mut config = with_data(folder.path());
    config.auth = Auth::Issuer(Issuer { keys, name: "https://id".into(), audience: "chat".into() });
    let server = Server::start(config).await;
    let token = |user: &str, name: &str, exp: u64| {
        issuer.token(&json!({"iss": "https://id", "aud": "chat", "sub": user, "name": name, "exp": exp}))
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut ben = Plain::join(&server, &format!("after=&token={}", token("ben", "Ben", now + 3600))).await;
    assert_eq!(ben.brief().await, "sync");
    assert_eq!(ben.next().await["userName"], "Ben");
    // With a Cyrillic letter; and soon to be asked for a fresh token.
    let mut eve = Plain::join(&server, &format!("after=&token={}", token("eve", "B\u{435}n", now - 30))).await;
    assert_eq!(eve.brief().await, "sync");
    let shown = json!("B\u{435}n (eve)");
    assert_eq!((&eve.next().await["userName"], &ben.next().await["userName"]), (&shown, &shown));
    while eve.brief().await != "token_due" {}
    eve.say(&json!({"type": "token", "token": token("eve", "Ben", now + 3600)})).await;
    let shown = json!("Ben (eve)");
    assert_eq!((&eve.next().await["userName"], &ben.next().await["userName"]), (&shown, &shown));
    eve.say(&text("1", "eve", "I am Ben")).await;
    assert_eq!(ben.next().await["userName"], shown);
}

#[test]
fn an_account_whose_name_looks_like_another_s_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut accounts = Accounts::open(folder.path()).unwrap();
    accounts.add("ben", "Ben", PASSWORD).unwrap();
    let alike = accounts.add("eve", "B\u{435}n", PASSWORD).unwrap_err();
    assert_eq!(alike.to_string(), "the name looks like that of ben: give another one (--name)");
    assert!(matches!(accounts.add("ben", "Ben", PASSWORD), Err(AccountError::Exists)));
    assert!(matches!(accounts.add("eve", "BEN", PASSWORD), Err(AccountError::LooksLike(of)) if of == "ben"));
    for id in ["Ben", "b\u{435}n"] {
        let alike = accounts.add(id, "Benjamin", PASSWORD).unwrap_err();
        assert_eq!(alike.to_string(), "it looks like ben, which has an account: choose another");
    }
    accounts.add("eve", "Eve", PASSWORD).unwrap();
    accounts.remove("ben").unwrap();
    accounts.add("benjamin", "Ben", PASSWORD).unwrap();
}

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_a_fresh_one_of_its_user_comes_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Foreign::new();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, issuer.keys()).unwrap();
    let mut config = with_data(folder.path());
    config.auth = Auth::Issuer(Issuer { keys, name: "https://id".into(), audience: "chat".into() });
    let server = Server::start(config).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // It is taken for a minute more.
    let short = now - 60 + 4;
    let token =
        |user: &str, exp: u64| issuer.token(&json!({"iss": "https://id", "aud": "chat", "sub": user, "exp": exp}));
    let mut renewed = Plain::join(&server, &format!("after=&token={}", token("ana", short))).await;
    let mut stale = Plain::join(&server, &format!("after=&token={}", token("ben", short))).await;
    let mut other = Plain::join(&server, &format!("after=&token={}", token("cat", short))).await;
    let mut plain = Plain::join(&server, &format!("token={}", token("dan", short))).await;
    for (client, answer) in [
        (&mut renewed, token("ana", now + 3600)),
        (&mut stale, token("ben", now - 3600)),
        (&mut other, token("ana", now + 3600)),
    ] {
        while client.brief().await != "token_due" {}
        client.say(&json!({"type": "token", "token": answer})).await;
    }
    assert_eq!(other.close_code().await, 1008, "the token of another user");
    assert_eq!((stale.close_code().await, plain.close_code().await), (1013, 1013), "to come back with a fresh one");
    renewed.send(Message::text("ping")).await;
    while renewed.next().await != json!("pong") {}
    renewed.say(&json!({"type": "token", "token": token("ana", now + 3600)})).await;
    while renewed.brief().await != "error" {}
}

#[tokio::test]
async fn a_sign_in_that_waits_for_the_database_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = with_data(folder.path());
    config.auth = Auth::Accounts;
    Accounts::open(folder.path()).unwrap().add("ana", "Ana", PASSWORD).unwrap();
    let server = std::sync::Arc::new(Server::start(config).await);
    let credentials = json!({"user": "ana", "password": PASSWORD});
    let token = post(&server, "/api/sign-in", &credentials).await.1["token"].as_str().unwrap().to_owned();
    let other = rusqlite::Connection::open(folder.path().join("history.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waits = tokio::spawn({
        let server = std::sync::Arc::clone(&server);
        async move { post(&server, "/api/sign-in", &credentials).await.0 }
    });
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        Plain::join(&server, &format!("token={token}")).await;
        assert!(!waits.is_finished(), "it waits for who writes");
    }
    assert!(began.elapsed() < Duration::from_secs(4), "and nobody waits for it");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waits.await.unwrap(), 200);
}

#[tokio::test]
async fn who_posts_too_fast_waits_and_loses_nothing() {
    let mut config = ServerConfig::default();
    config.posts = Some(Rate::new(5.0, 100.0));
    let server = Server::start(config).await;
    let mut fast = Plain::named(&server, "fast").await;
    let mut other = Plain::named(&server, "other").await;
    assert_eq!(fast.brief().await, "user_joined other");
    let began = tokio::time::Instant::now();
    for n in 0..30 {
        fast.say(&text(&format!("{n}"), "fast", &n.to_string())).await;
    }
    for n in 0..30 {
        assert_eq!(other.next().await["text"], json!(n.to_string()));
    }
    assert!(began.elapsed().as_millis() >= 200, "25 beyond the burst, at 100 a second");
}

#[tokio::test]
async fn who_posts_too_fast_in_one_message_waits_after_each_line_and_hears_the_others_meanwhile() {
    let mut config = ServerConfig::default();
    config.posts = Some(Rate::new(2.5, 0.001)); // to come in, and for one line
    let server = Server::start(config).await;
    let mut other = Plain::named(&server, "other").await;
    let mut fast = Plain::join(&server, "userId=fast&after=").await;
    assert_eq!(fast.brief().await, "sync");
    assert_eq!(other.brief().await, "user_joined fast");
    let lines: Vec<Value> = (1..=9).map(|n| text(&n.to_string(), "fast", &n.to_string())).collect();
    fast.say(&json!(lines)).await;
    for line in ["text fast 1", "text fast 2"] {
        assert_eq!(other.brief().await, line);
        assert_eq!(fast.brief().await, "stored");
    }
    other.say(&text("o", "other", "go on")).await;
    assert_eq!(fast.brief().await, "text other go on");
    other.barrier().await;
}

#[tokio::test]
async fn who_waits_since_it_posts_too_fast_is_not_taken_for_dead() {
    let mut config = ServerConfig::default();
    config.heartbeat = Duration::from_millis(250);
    // It is not read for 1.5 s.
    config.posts = Some(Rate::new(1.0, 1.0 / 1.5));
    let server = Server::start(config).await;
    let mut fast = Plain::named(&server, "fast").await;
    let mut other = Plain::named(&server, "other").await;
    assert_eq!(fast.brief().await, "user_joined other");
    for n in 1..=3 {
        fast.say(&text(&n.to_string(), "fast", &n.to_string())).await;
    }
    let heard = async {
        for n in 1..=3 {
            assert_eq!(other.brief().await, format!("text fast {n}"));
        }
    };
    // Its library answers pings while it reads.
    let alive = async {
        loop {
            fast.raw().await;
        }
    };
    tokio::select! {
        () = heard => {}
        never = alive => never,
    }
}

#[tokio::test]
async fn who_posts_over_many_connections_can_not_run_up_hours_and_loses_nothing() {
    let mut config = ServerConfig::default();
    config.posts = Some(Rate::new(4.0, 0.001));
    let server = Server::start(config).await;
    let mut first = Plain::join(&server, "userId=fast&after=").await;
    let mut second = Plain::join(&server, "userId=fast&after=").await;
    assert_eq!((first.brief().await, second.brief().await), ("sync".into(), "sync".into()));
    // Long ones count for more.
    let long = "x".repeat(8 << 10);
    for (id, said) in [("1", "short"), ("2", &long)] {
        first.say(&text(id, "fast", said)).await;
        assert_eq!(first.brief().await, "stored");
    }
    second.say(&json!([text("3", "fast", &long), text("4", "fast", "4")])).await;
    assert_eq!(second.close_code().await, 1013, "to come back, and to say it again");
    let mut other = Plain::join(&server, "userId=other&after=").await;
    assert_eq!(other.next().await["offset"], json!(2), "neither of them is taken");
}

#[tokio::test]
async fn who_leaves_while_it_waits_is_let_go() {
    let mut config = ServerConfig::default();
    config.presence_grace = Duration::ZERO;
    config.posts = Some(Rate::new(2.5, 0.001)); // to come in, and for one line
    let server = Server::start(config).await;
    let mut other = Plain::named(&server, "other").await;
    for (fast, says_so) in [("ana", true), ("ben", false)] {
        let mut leaving = Plain::named(&server, fast).await;
        assert_eq!(other.brief().await, format!("user_joined {fast}"));
        for id in ["1", "2"] {
            leaving.say(&text(&format!("{fast} {id}"), fast, id)).await;
            assert_eq!(other.brief().await, format!("text {fast} {id}"));
        }
        if says_so {
            leaving.socket.close(None).await.unwrap();
            while soon("the closing handshake", leaving.socket.next()).await.is_some() {}
        }
        drop(leaving);
        assert_eq!(other.brief().await, format!("user_left {fast}"));
    }
}

#[tokio::test]
async fn who_is_cut_off_with_lines_that_wait_does_not_stay_for_them() {
    let mut config = ServerConfig::default();
    config.heartbeat = Duration::from_secs(1);
    config.presence_grace = Duration::ZERO;
    config.posts = Some(Rate::new(2.5, 0.001)); // to come in, and for one line
    let server = Server::start(config).await;
    let mut other = Plain::named(&server, "other").await;
    let mut fast = Plain::join(&server, "userId=fast&after=").await;
    assert_eq!(fast.brief().await, "sync");
    assert_eq!(other.brief().await, "user_joined fast");
    let lines: Vec<Value> = (1..=9).map(|n| text(&n.to_string(), "fast", &n.to_string())).collect();
    fast.say(&json!(lines)).await;
    assert_eq!((other.brief().await, other.brief().await), ("text fast 1".into(), "text fast 2".into()));
    drop(fast);
    assert_eq!(other.brief().await, "user_left fast");
}

#[tokio::test]
async fn what_looks_like_sql_or_an_escape_is_text_like_any_other() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    for (n, nasty) in
        ["'; DROP TABLE messages; --", "\u{1b}[2J\u{1b}]0;owned\u{7}", "<script>alert(1)</script>"].iter().enumerate()
    {
        ana.say(&text(&n.to_string(), "ana", nasty)).await;
        assert_eq!(ben.next().await["text"], json!(nasty), "as it was written");
    }
}
