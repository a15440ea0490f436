//! A server whose effects are rows of a database, for tests that kill it: `effects-server ADDRESS FILE` writes each message
//! with its session's watermark in one transaction, and then acknowledges it. With the argument `calls` it does so with each call
//! of `write`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{
    Calls, ComeBack, Extension, Failure, Session, SessionId, Sessions, SessionsConfig, Upgrade, Watermark,
    WatermarkError, Watermarks,
};
use rusqlite::{Connection, OptionalExtension, params};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const LAYOUT: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS effects (at INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS watermarks (session TEXT PRIMARY KEY, principal TEXT NOT NULL, sequence INTEGER NOT NULL);";

#[derive(Clone)]
struct Database(Arc<Mutex<Connection>>);

impl Database {
    fn open(file: &str) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(LAYOUT)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writes a message's effect and its session's watermark, both or none.
    fn write(&self, session: &str, principal: &str, sequence: u64, text: &str) -> rusqlite::Result<()> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        transaction.execute("INSERT INTO effects (text) VALUES (?)", [text])?;
        transaction.execute(
            "INSERT INTO watermarks VALUES (?, ?, ?)
             ON CONFLICT (session) DO UPDATE SET sequence = excluded.sequence",
            params![session, principal, sequence],
        )?;
        transaction.commit()
    }

    fn watermark(&self, session: &str, principal: &str) -> rusqlite::Result<Option<u64>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let query = "SELECT sequence FROM watermarks WHERE session = ? AND principal = ?";
        connection.query_row(query, [session, principal], |row| row.get(0)).optional()
    }
}

impl Watermarks for Database {
    fn processed<'a>(
        &'a self,
        session: SessionId,
        principal: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, WatermarkError>> + Send + 'a>> {
        // Rows are never deleted here: a session without one has processed nothing.
        Box::pin(async move { Ok(Some(self.watermark(&session.to_string(), principal)?.unwrap_or(0))) })
    }
}

async fn serve(database: Database, mut session: Session) {
    let (id, principal) = (session.id().to_string(), session.principal().to_owned());
    while let Some(received) = session.recv_manual().await {
        let (Some(sequence), Some(text)) = (received.sequence, received.message.as_text()) else { continue };
        if let Err(error) = database.write(&id, &principal, sequence, text) {
            eprintln!("{text} can't be written: {error}");
            return session.sender().end(ComeBack::Never, "the database has failed");
        }
        session.acknowledge(&received);
    }
}

/// Writes a call's effect; a crash may lose the reply, but not the effect.
async fn write(
    text: String,
    watermark: Watermark,
    Extension(database): Extension<Database>,
) -> Result<String, Failure> {
    let Watermark { session, principal, sequence, .. } = watermark;
    let written = database.write(&session, &principal, sequence, &text);
    written.map(|()| text).map_err(|error| Failure::new("database", error.to_string()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (address, file, is_calls) = match &args[..] {
        [address, file] => (address, file, false),
        [address, file, calls] if calls == "calls" => (address, file, true),
        _ => return Err("usage: effects-server ADDRESS FILE [calls]".into()),
    };
    let database = Database::open(file)?;
    let sessions = Sessions::with_watermarks(SessionsConfig::default(), database.clone())?;
    let route = get(async move |State((sessions, database)): State<(Sessions, Database)>, upgrade: Upgrade| {
        if is_calls {
            let calls = Calls::new().in_order().extension(database).call("write", write);
            return sessions.accept_calls(upgrade, "client", calls);
        }
        sessions.accept(upgrade, "client", move |session| serve(database.clone(), session))
    });
    let app = Router::new().route("/", route).with_state((sessions, database));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
