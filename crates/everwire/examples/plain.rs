//! Sends each line of standard input, prints what comes back, and says what became of each line.
//!
//! ```text
//! cargo run -p everwire --example plain -- ws://127.0.0.1:8080/
//! ```

use std::error::Error;
use std::time::Duration;

use everwire::{Client, Delivery};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: plain URL")?;
    let client = Client::builder(url).build()?;
    let mut inbox = client.messages();
    let mut states = client.watch_state();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => drop(tokio::spawn(report(client.send(line)?))),
                None => break,
            },
            message = inbox.next() => match message {
                Some(message) => println!("{}", message.as_text().unwrap_or("(binary)")),
                None => break,
            },
            Ok(()) = states.changed() => eprintln!("* {}", *states.borrow_and_update()),
        }
    }
    let left = client.close(Duration::from_secs(5)).await;
    for message in left.unsent.iter().chain(&left.unacknowledged) {
        eprintln!("* uncertain: {}", message.as_text().unwrap_or_default());
    }
    Ok(())
}

async fn report(delivery: Delivery) {
    let id = delivery.id().0;
    eprintln!("* message {id}: {}", delivery.await);
}
