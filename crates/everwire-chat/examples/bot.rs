//! A chat bot: it answers each message that begins with `!echo`, and says good-bye at `!stop`.
//!
//! ```text
//! cargo run -p everwire-chat --example bot -- ws://127.0.0.1:8080/ws
//! ```

use std::error::Error;
use std::time::Duration;

use everwire_chat::{Change, ChatClient, ChatEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/ws".into());
    let chat = ChatClient::builder(url, "echo-bot").room("lobby").build()?;
    let mut updates = chat.updates();
    while let Some(event) = updates.next().await {
        match event {
            ChatEvent::Connection(state) => println!("{state}"),
            ChatEvent::Timeline(Change::Added { entry, .. }) if !entry.own => {
                chat.mark_read(&entry.id); // the sender sees READ
                if let Some(words) = entry.text.strip_prefix("!echo ") {
                    println!("{} asks for {words:?}", entry.user_name);
                    chat.send(words)?; // in the timeline at once, sent when the network allows
                } else if entry.text == "!stop" {
                    chat.send("good-bye")?;
                    break;
                }
            }
            _ => {}
        }
    }
    let unsent = chat.close(Duration::from_secs(5)).await;
    println!("{} messages unsent", unsent.len());
    Ok(())
}
