//! Clients with Python's `websockets`, as others may write them from a short note: each writes the plain format in its own way,
//! and the server accepts it.

use std::path::Path;

use everwire_tests::{PATIENCE, Process};
use serde_json::{Value, json};

use crate::their_client::Driven;

/// A server with a log file.
struct Server {
    process: Process,
    address: String,
    log: std::path::PathBuf,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let log = data.path().join("log");
        let folder = data.path().join("data").display().to_string();
        let mut command = tokio::process::Command::new(everwire_tests::everwire());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", &folder]).env("NO_COLOR", "1");
        command.stderr(std::fs::File::create(&log).expect("a file"));
        let mut process = Process::start(&mut command);
        let address = process.address().await;
        Self { process, address, log, _data: data }
    }

    /// Ends the server, and returns its log.
    async fn log(mut self) -> String {
        self.process.terminate().await;
        read(&self.log)
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a log")
}

/// A client in Python.
struct Python(Process);

impl Python {
    async fn join(server: &Server, query: &str) -> Self {
        let mut client = Self::join_without_ping(server, query).await;
        client.say("ping").await;
        client.until(|event| *event == json!("pong")).await;
        client
    }

    async fn join_without_ping(server: &Server, query: &str) -> Self {
        let url = format!("ws://{}/ws?{query}", server.address);
        let mut process = Process::python("websockets_client.py", &[&url]);
        let open = process.event().await;
        assert_eq!(open["event"], "open", "{query}: {open}");
        Self(process)
    }

    async fn say(&mut self, text: &str) {
        self.0.tell(&format!("text {text}")).await;
    }

    /// The next message of any kind.
    async fn next(&mut self) -> Value {
        let told = tokio::time::timeout(PATIENCE, self.0.event()).await.expect("something is heard");
        match told["text"].as_str() {
            Some(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            None => told,
        }
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await;
            if wanted(&event) {
                return event;
            }
        }
    }

    async fn text(&mut self) -> Value {
        self.until(|event| event["type"] == "text").await
    }
}

/// Ways to write a text of the user `py` or `7`: a name, the address's query, and the JSON, in which `ID` is the id.
const WAYS: [(&str, &str, &str); 12] = [
    ("no type", "userId=py", r#"{"id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":5}"#),
    (
        "a class as type",
        "userId=py",
        r#"{"type":"org.example.ChatMessage.TextMessage","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":5}"#,
    ),
    (
        "a timestamp in a string",
        "userId=py",
        r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":"5"}"#,
    ),
    (
        "a fraction as timestamp",
        "userId=py",
        r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":5.0}"#,
    ),
    ("no timestamp", "userId=py", r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi"}"#),
    (
        "null as timestamp",
        "userId=py",
        r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":null}"#,
    ),
    (
        "null as status",
        "userId=py",
        r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":5,"status":null}"#,
    ),
    (
        "an unknown status",
        "userId=py",
        r#"{"type":"text","id":"ID","userId":"py","userName":"Py","text":"hi","timestamp":5,"status":0}"#,
    ),
    ("numbers as ids", "", r#"{"type":"text","id":ID,"userId":7,"userName":"Seven","text":"hi","timestamp":5}"#),
    ("names from the address", "userId=py&userName=Py", r#"{"type":"text","id":"ID","text":"hi","timestamp":5}"#),
    (
        "empty names",
        "userId=py&userName=Py",
        r#"{"type":"text","id":"ID","userId":"","userName":"","text":"hi","timestamp":5}"#,
    ),
    ("all of it", "userId=py&userName=Py", r#"{"id":ID,"text":"hi","status":null}"#),
];

#[tokio::test]
async fn a_plain_client_is_heard_however_its_serializer_writes() {
    let server = Server::start().await;
    let mut ana = Python::join(&server, "userId=ana").await;
    for (at, (way, query, message)) in WAYS.into_iter().enumerate() {
        let id = (at + 100).to_string();
        let mut client = Python::join(&server, query).await;
        client.say(&message.replace("ID", &id)).await;
        let heard = ana.text().await;
        let user = if query.is_empty() { "7" } else { "py" };
        assert_eq!((&heard["id"], &heard["userId"], &heard["text"]), (&json!(id), &json!(user), &json!("hi")), "{way}");
        let timestamp = heard["timestamp"].as_i64().expect("a number");
        assert!(timestamp == 5 || (timestamp > 1_700_000_000_000 && !message.contains(":5")), "{way}: {heard}");
        client.say(r#"{"id":"t","userId":"py","isTyping":true}"#).await;
        let typing = ana.until(|event| event["type"] == "typing").await;
        assert_eq!((&typing["userId"], &typing["isTyping"]), (&json!(user), &json!(true)), "{way}: without a type");
    }
    assert!(!server.log().await.contains("ignored an invalid message"), "nothing of it was dropped");
}

#[tokio::test]
async fn dropped_messages_are_logged_once_and_reported_to_clients_that_ask_for_it() {
    let server = Server::start().await;
    let mut ana = Python::join(&server, "userId=ana").await;
    let mut quiet = Python::join(&server, "userId=quiet").await;
    let mut py = Python::join(&server, "userId=py&errors=1").await;
    for client in [&mut quiet, &mut py] {
        client.say(r#"{"userId":"x","timestamp":5}"#).await;
        client.say(r#"{"type":"text","id":"1","text":"hi","timestamp":"yesterday"}"#).await;
        client.say(r#"{"type":"reaction","emoji":"+1"}"#).await;
        client.say("hello").await;
        client.say("ping").await;
    }
    let reason = async |client: &mut Python, kind: &str| {
        let told = client.until(|event| event["type"] == kind).await;
        (told["id"].clone(), told["reason"].as_str().expect("a reason").to_owned())
    };
    assert!(reason(&mut py, "error").await.1.starts_with("no \"type\""));
    assert_eq!(reason(&mut py, "rejected").await, (json!("1"), "\"timestamp\" is missing or wrong".into()));
    assert_eq!(reason(&mut py, "error").await.1, "unknown type \"reaction\"");
    assert!(reason(&mut py, "error").await.1.starts_with("not JSON"));
    let first = quiet.until(|event| event["type"] != "user_joined").await;
    assert_eq!(first, json!("pong"), "a client that did not ask gets no report");
    ana.say("ping").await;
    let heard = ana.until(|event| event["type"] != "user_joined").await;
    assert_eq!(heard, json!("pong"), "others hear nothing of it");
    let log = server.log().await;
    assert_eq!(log.matches("ignored an invalid message").count(), 2, "once for each connection: {log}");
    assert_eq!(
        log.matches("neither \\\"text\\\" nor").count() + log.matches("neither \"text\" nor").count(),
        2,
        "{log}"
    );
}

#[tokio::test]
async fn a_strict_client_never_hears_anything_but_the_four_types_with_their_fields() {
    let server = Server::start().await;
    let mut strict = Python::join(&server, "userId=strict&strict=1&history=10").await;
    let mut py = Python::join(&server, "userId=py").await;
    strict.say(r#"{"id":"1","text":"first","timestamp":5}"#).await;
    py.text().await;
    py.say(r#"{"type":"receipt","delivered":1,"read":1}"#).await;
    py.0.tell("binary 00ff").await;
    py.say(r#"{"type":"typing","id":"t","userId":"py","isTyping":true}"#).await;
    py.say(r#"[{"id":"2","text":"second","timestamp":5},{"id":"3","text":"third","timestamp":5}]"#).await;
    py.say("ping").await;
    py.until(|event| *event == json!("pong")).await;
    py.0.tell("close 1000 bye").await;
    strict.say("not JSON").await;
    strict.say(r#"{"type":"reaction"}"#).await;
    let mut seen = Vec::new();
    loop {
        let event = strict.next().await;
        seen.push(keys(&event));
        if event["type"] == "user_left" {
            break;
        }
    }
    let (notice, typing) = ("id timestamp type userId userName", "id isTyping timestamp type userId userName");
    let text = "id status text timestamp type userId userName";
    assert_eq!(seen, [notice, typing, text, text, notice]);
    // The earlier lines, too.
    let mut later = Python::join_without_ping(&server, "userId=later&strict=1&history=10").await;
    let mut texts = Vec::new();
    loop {
        let event = later.next().await;
        if event["type"] == "user_joined" {
            assert_eq!((keys(&event).as_str(), &event["userId"]), (notice, &json!("strict")));
            break;
        }
        assert_eq!(keys(&event), text, "{event}");
        texts.push(event["text"].clone());
    }
    assert_eq!(texts, ["first", "second", "third"]);
}

fn keys(event: &Value) -> String {
    let mut keys: Vec<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(" ")
}

#[tokio::test]
async fn a_plain_client_that_asks_for_them_gets_the_latest_texts_and_the_users() {
    let server = Server::start().await;
    let mut ana = Python::join(&server, "userId=ana&userName=Ana").await;
    for id in 1..=5 {
        ana.say(&format!(r#"{{"id":"{id}","text":"line {id}","timestamp":5}}"#)).await;
    }
    ana.say("ping").await;
    ana.until(|event| *event == json!("pong")).await;
    let mut without = Python::join_without_ping(&server, "userId=without").await;
    without.say("ping").await;
    assert_eq!(without.next().await, json!("pong"), "off by default");
    let mut py = Python::join_without_ping(&server, "userId=py&history=2").await;
    for line in ["line 4", "line 5"] {
        let event = py.next().await;
        assert_eq!((&event["type"], &event["text"]), (&json!("text"), &json!(line)));
    }
    let mut here = [py.next().await, py.next().await].map(|event| {
        assert_eq!(event["type"], "user_joined");
        event["userId"].as_str().expect("a user").to_owned()
    });
    here.sort();
    assert_eq!(here, ["ana", "without"]);
    ana.say(r#"{"id":"6","text":"live","timestamp":5}"#).await;
    assert_eq!(py.next().await["text"], "live", "each line once");
}
