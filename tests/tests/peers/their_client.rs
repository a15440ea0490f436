//! The conversation of a foreign client with our server.

use everwire_tests::{EchoServer, Process, Seen, Tap};
use serde_json::{Value, json};

/// A foreign client that obeys the commands that `tests/peers/client.mjs` describes.
pub(crate) trait Driven {
    async fn tell(&mut self, line: &str);
    async fn event(&mut self) -> Value;
}

impl Driven for Process {
    async fn tell(&mut self, line: &str) {
        self.type_line(line).await;
    }

    async fn event(&mut self) -> Value {
        self.json().await
    }
}

/// The features of a client.
pub(crate) struct Skills {
    pub(crate) pings: Pings,
    pub(crate) compresses: Compresses,
    /// Whether it reports the reasons of close frames.
    pub(crate) knows_reasons: bool,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Pings {
    WhenTold,
    ByItself,
    Never,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Compresses {
    BothWays,
    OnlyReceives,
    Nothing,
}

/// Runs the whole conversation with the client that `start` starts, which gets the address of a counting relay before `server`.
pub(crate) async fn talks_with_our_server<C: Driven>(
    mut server: EchoServer,
    skills: Skills,
    start: impl AsyncFn(String) -> C,
) {
    let tap = Tap::to(server.address()).await;
    let mut client = start(tap.address().to_string()).await;
    let open = client.event().await;
    assert_eq!(open["event"], "open", "{open}");
    server.sees(Seen::Open).await;
    assert_eq!(tap.has_agreed_to_compress(), skills.compresses != Compresses::Nothing);

    client.tell("text Grüße, 世界 👋").await;
    assert_eq!(client.event().await, json!({ "event": "text", "text": "Grüße, 世界 👋" }));
    client.tell("binary 00ff10").await;
    assert_eq!(client.event().await, json!({ "event": "binary", "hex": "00ff10" }));
    for kind in ["text", "binary"] {
        large_message_returns(&mut client, &tap, &skills, kind).await;
    }

    match skills.pings {
        Pings::WhenTold => {
            client.tell("ping from afar").await;
            assert_eq!(client.event().await, json!({ "event": "pong", "text": "from afar" }));
            server.sees(Seen::Ping).await;
        }
        // Several, since a client that waits for its pong in vain fails the connection when the next is due.
        Pings::ByItself => {
            for _ in 0..3 {
                server.sees(Seen::Ping).await;
            }
        }
        Pings::Never => {}
    }
    client.tell("text !ping are you there").await;
    server.sees(Seen::Pong("are you there".into())).await;

    client.tell("close 4001 that was it").await;
    server.sees(Seen::Close(Some((4001, "that was it".into())))).await;
    server.sees(Seen::End(None)).await;
    assert_eq!(client.event().await["code"], 4001);

    let mut client = start(tap.address().to_string()).await;
    assert_eq!(client.event().await["event"], "open");
    client.tell("text !close 4002 enough").await;
    let close = client.event().await;
    assert_eq!((&close["event"], &close["code"]), (&"close".into(), &4002.into()));
    assert!(!skills.knows_reasons || close["reason"] == "enough", "{close}");
    server.sees(Seen::End(None)).await;
}

async fn large_message_returns(client: &mut impl Driven, tap: &Tap, skills: &Skills, kind: &str) {
    const LENGTH: u64 = 2 << 20;
    let before = (tap.to_server(), tap.to_client());
    client.tell(&format!("large {kind} {LENGTH}")).await;
    let expected = json!({ "event": "large", "kind": kind, "length": LENGTH, "same": true });
    assert_eq!(client.event().await, expected);
    let (there, back) = (tap.to_server() - before.0, tap.to_client() - before.1);
    assert_eq!(there < LENGTH / 2, skills.compresses == Compresses::BothWays, "{there} bytes to the server");
    assert_eq!(back < LENGTH / 2, skills.compresses != Compresses::Nothing, "{back} bytes to the client");
}
