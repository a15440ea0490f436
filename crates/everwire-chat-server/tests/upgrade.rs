//! Data folders of earlier versions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

mod support;

use everwire_chat_server::{Auth, ServerConfig};
use serde_json::json;
use support::accounts::{post, refused, sign_in};
use support::{Plain, Server, with_data};

/// Two refresh tokens of a sign-in of ana's in `folders/layout-3`: the first was used, and gave the second.
const USED: &str = "NloRr5STaOQBqaFg6KnHXOVnobqYyn2UCz-7oNZw87c";
const NEXT: &str = "vjvlI2YHOktf6nj4mS4kgx854W7oIJXBPb05YZL8buU";

/// A server with accounts on a copy of a kept folder.
async fn upgraded(folder: &std::path::Path) -> Server {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/folders/layout-3/history.sqlite");
    std::fs::write(folder.join("history.sqlite"), std::fs::read(kept).unwrap()).unwrap();
    let mut config: ServerConfig = with_data(folder);
    config.auth = Auth::Accounts;
    Server::start(config).await
}

#[tokio::test]
async fn a_data_folder_of_layout_3_opens_with_its_history_its_accounts_and_its_sign_ins() {
    let folder = tempfile::tempdir().unwrap();
    let server = upgraded(folder.path()).await;
    let (status, answer) = post(&server, "/api/refresh", &json!({"refresh": NEXT})).await;
    assert_eq!((status, answer["user"].as_str()), (200, Some("ana")), "{answer}");
    let token = answer["token"].as_str().unwrap();
    let mut ana = Plain::join(&server, &format!("room=board&after=&token={token}")).await;
    assert_eq!(ana.brief().await, "sync");
    assert_eq!(ana.brief().await, "presence ana", "her own name, as the account has it");
    assert_eq!(ana.brief().await, "text ana said to the build before");
    let (ben, _) = sign_in(&server, "ben").await;
    assert_eq!(refused(&server, &format!("room=board&token={ben}")).await.0, 403, "the room is still closed");
}

#[tokio::test]
async fn a_refresh_token_that_layout_3_knew_as_used_is_still_one_from_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let server = upgraded(folder.path()).await;
    assert_eq!(post(&server, "/api/refresh", &json!({"refresh": USED})).await.0, 401);
    assert_eq!(post(&server, "/api/refresh", &json!({"refresh": NEXT})).await.0, 401, "and ends its sign-in");
}
