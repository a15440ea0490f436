//! Effects in a database, exactly once: each message is written with its session's watermark in one transaction, and
//! acknowledged then. A server that crashes and comes back knows what it has done.
//!
//! `cargo run -p everwire-server --features axum --example transfers`

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire::{Client, SessionMode};
use everwire_server::{ComeBack, Session, SessionId, Sessions, SessionsConfig, Upgrade, WatermarkError, Watermarks};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::runtime::Runtime;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Clone)]
struct Bank(Arc<Mutex<Connection>>);

impl Bank {
    fn open() -> rusqlite::Result<Self> {
        let database = Connection::open_in_memory()?;
        database.execute_batch(
            "CREATE TABLE account (balance INTEGER NOT NULL);
             INSERT INTO account VALUES (0);
             CREATE TABLE watermarks (session TEXT PRIMARY KEY, sequence INTEGER NOT NULL);",
        )?;
        Ok(Self(Arc::new(Mutex::new(database))))
    }

    /// The transfer, and how far its session has come: both or none.
    fn transfer(&self, session: &str, sequence: u64, amount: i64) -> rusqlite::Result<i64> {
        let mut database = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.transaction()?;
        transaction.execute("UPDATE account SET balance = balance + ?", [amount])?;
        transaction.execute("INSERT OR REPLACE INTO watermarks VALUES (?, ?)", params![session, sequence])?;
        let balance = transaction.query_row("SELECT balance FROM account", [], |row| row.get(0))?;
        transaction.commit()?;
        Ok(balance)
    }

    fn watermark(&self, session: &str) -> rusqlite::Result<Option<u64>> {
        let database = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let query = "SELECT sequence FROM watermarks WHERE session = ?";
        database.query_row(query, [session], |row| row.get(0)).optional()
    }
}

impl Watermarks for Bank {
    fn processed<'a>(
        &'a self,
        session: SessionId,
        _principal: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, WatermarkError>> + Send + 'a>> {
        // Rows are never deleted here: a session without one has done nothing.
        Box::pin(async move { Ok(Some(self.watermark(&session.to_string())?.unwrap_or(0))) })
    }
}

/// Acknowledges what is committed, and nothing else.
async fn take_transfers(bank: Bank, mut session: Session) {
    let id = session.id().to_string();
    while let Some(received) = session.recv_manual().await {
        let amount = received.message.as_text().and_then(|amount| amount.parse().ok());
        let (Some(sequence), Some(amount)) = (received.sequence, amount) else { continue };
        match bank.transfer(&id, sequence, amount) {
            Ok(balance) => {
                session.acknowledge(&received);
                // An error says that the session is over; `recv_manual` then ends the loop.
                let _ = session.send(balance.to_string());
            }
            Err(error) => return session.sender().end(ComeBack::After(Duration::from_secs(1)), error.to_string()),
        }
    }
}

/// A server in a runtime of its own, so that it can crash.
fn serve(bank: Bank, address: SocketAddr) -> Done<(Runtime, SocketAddr)> {
    let sessions = Sessions::with_watermarks(SessionsConfig::default(), bank.clone())?;
    let route = get(async |State((sessions, bank)): State<(Sessions, Bank)>, upgrade: Upgrade| {
        sessions.accept(upgrade, "guest", move |session| take_transfers(bank.clone(), session))
    });
    let app = Router::new().route("/", route).with_state((sessions, bank));
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Runtime::new()?;
    runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await });
    Ok((runtime, address))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let bank = Bank::open()?;
    let (server, address) = serve(bank.clone(), "127.0.0.1:0".parse()?)?;
    let client = Client::builder(format!("ws://{address}/")).session(SessionMode::Require).build()?;
    let mut inbox = client.messages();
    let mut deliveries = (0..50).map(|_| client.send("2")).collect::<Result<Vec<_>, _>>()?;
    inbox.next().await;

    println!("the server crashes while transfers are on their way");
    server.shutdown_background();
    let server = loop {
        match serve(bank.clone(), address) {
            Ok((server, _)) => break server,
            // The crashed one still has the port.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    deliveries.extend((0..50).map(|_| client.send("2")).collect::<Result<Vec<_>, _>>()?);
    for delivery in deliveries {
        delivery.await;
    }
    println!("100 transfers of 2 make {}", bank.transfer("nobody", 1, 0)?);
    client.close(Duration::from_secs(5)).await;
    server.shutdown_background();
    Ok(())
}
