//! Plain clients of the chat, written with `ws`, `websockets` and OkHttp, in one room with an Everwire client.

use std::time::Duration;

use everwire_chat::{ChatClient, ChatEvent};
use everwire_tests::{PATIENCE, Process};
use serde_json::{Value, json};

use crate::their_client::Driven;

/// A foreign client in the chat.
struct Member {
    name: &'static str,
    process: Process,
}

impl Member {
    async fn join(name: &'static str, address: &str) -> Self {
        let url = format!("ws://{address}/ws?userId={name}&userName={}", name.to_uppercase());
        let mut process = match name {
            "node" => Process::node("ws-client.mjs", &[&url]),
            "python" => Process::python("websockets_client.py", &[&url]),
            _ => Process::java("OkHttpClientPeer.java", &["okhttp", "okio"], &[&url, "30000"]),
        };
        let open = process.event().await;
        assert_eq!(open["event"], "open", "{name}: {open}");
        let mut member = Self { name, process };
        member.ping().await;
        member
    }

    async fn say(&mut self, event: &Value) {
        self.process.tell(&format!("text {event}")).await;
    }

    async fn line(&mut self, id: &str, text: &str) {
        let name = self.name.to_uppercase();
        self.say(&json!({"type": "text", "id": id, "userId": self.name, "userName": name, "text": text, "timestamp": 5, "status": "SENDING"})).await;
    }

    /// Waits for the next chat event that fits `wanted`, and skips the others.
    async fn hears(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                let told = self.process.event().await;
                assert_eq!(told["event"], "text", "{}: {told}", self.name);
                let text = told["text"].as_str().unwrap_or_default();
                let event = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{} hears nothing of it", self.name))
    }

    async fn ping(&mut self) {
        self.process.tell("text ping").await;
        self.hears(|event| *event == json!("pong")).await;
    }

    async fn status(&mut self, id: &str, status: &str) {
        let wanted = json!({"type": "status", "id": id, "status": status});
        self.hears(|event| *event == wanted).await;
    }
}

#[tokio::test]
async fn plain_clients_of_three_languages_talk_are_shown_and_get_receipts_of_their_messages() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_str().expect("a path");
    let mut server = Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    let address = server.address().await;

    let mut node = Member::join("node", &address).await;
    let mut python = Member::join("python", &address).await;
    node.hears(|event| event["type"] == "user_joined" && event["userId"] == "python").await;
    let mut java = Member::join("java", &address).await;
    for member in [&mut node, &mut python] {
        let joined = member.hears(|event| event["type"] == "user_joined").await;
        assert_eq!((&joined["userId"], &joined["userName"]), (&json!("java"), &json!("JAVA")), "{}", member.name);
    }

    // Each member's line reaches the others, and not itself.
    for speaker in 0..3 {
        let mut members = [&mut node, &mut python, &mut java];
        let (name, id) = (members[speaker].name, format!("{speaker}"));
        members[speaker].line(&id, &format!("hello from {name}, 世界 👋")).await;
        for (at, member) in members.iter_mut().enumerate() {
            if at == speaker {
                member.ping().await;
                continue;
            }
            let line = member.hears(|event| event["type"] == "text").await;
            assert_eq!(line["id"], json!(id));
            assert_eq!((&line["userId"], &line["text"]), (&json!(name), &json!(format!("hello from {name}, 世界 👋"))));
        }
    }
    java.say(
        &json!({"type": "typing", "id": "t", "userId": "java", "userName": "JAVA", "isTyping": true, "timestamp": 5}),
    )
    .await;
    let typing = python.hears(|event| event["type"] == "typing").await;
    assert_eq!((&typing["userId"], &typing["isTyping"]), (&json!("java"), &json!(true)));

    // An Everwire client gets the lines, and shows them.
    let ours = ChatClient::builder(format!("ws://{address}/ws"), "Ana").user_id("ana").build().expect("settings");
    let mut updates = ours.updates();
    let three = async {
        while ours.entries().len() < 3 {
            updates.next().await;
        }
    };
    tokio::time::timeout(PATIENCE, three).await.expect("the lines come");
    for (member, id) in [(&mut node, "0"), (&mut python, "1"), (&mut java, "2")] {
        member.status(id, "DELIVERED").await;
    }
    ours.mark_read("2");
    for (member, id) in [(&mut node, "0"), (&mut python, "1"), (&mut java, "2")] {
        member.status(id, "READ").await;
    }

    // A repeated line is the same message; the others see when a member leaves.
    node.line("0", "hello again").await;
    node.ping().await;
    node.process.tell("close 1000 bye").await;
    python.hears(|event| event["type"] == "user_left" && event["userId"] == "node").await;
    let left = async {
        while !matches!(updates.next().await.expect("an event"), ChatEvent::Left(user) if user.user_id == "node") {}
    };
    tokio::time::timeout(PATIENCE, left).await.expect("ours hears of it too");
    assert_eq!(ours.entries().len(), 3);
    ours.close(Duration::from_secs(5)).await;
}
