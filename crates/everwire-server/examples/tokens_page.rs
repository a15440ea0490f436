//! A token stream for a page: a made-up model emits a word every 30 ms. The page is `examples/tokens-page`; it loses no word to cuts
//! of its connection, and goes on at the next word after a reload.
//!
//! `cargo xtask tokens` builds the page and starts this. `everwire proxy` before it makes the network worse.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use everwire_server::{Calls, Origins, Sessions, SessionsConfig, Upgrade};
use futures_util::{Stream, StreamExt, stream};

/// The model: it takes a prompt, and its time.
async fn tokens(_prompt: String) -> impl Stream<Item = String> {
    stream::iter(1..=WORDS).then(async |number| {
        tokio::time::sleep(Duration::from_millis(30)).await;
        format!("word{number}")
    })
}

const WORDS: u32 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "examples/tokens-page/dist".to_owned()));
    let calls = Calls::new().stream("tokens", tokens);
    let sessions = Sessions::new(SessionsConfig::default())?;
    let model = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        // Behind a proxy on another port the page has another origin. A server with accounts names those that it serves.
        sessions.accept_calls(upgrade.origins(Origins::any()), "guest", calls)
    });
    let app = Router::new().route("/model", model).with_state((sessions, calls));
    let app = [("/", "index.html"), ("/everwire.js", "everwire.js"), ("/everwire_bg.wasm", "everwire_bg.wasm")]
        .into_iter()
        .fold(app, |app, (path, name)| {
            let file = folder.join(name);
            app.route(path, get(async move || answer(&file)))
        });
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

fn answer(file: &std::path::Path) -> impl IntoResponse + use<> {
    let kind = match file.extension().and_then(|extension| extension.to_str()) {
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "text/html",
    };
    std::fs::read(file).map(|content| ([(header::CONTENT_TYPE, kind)], content)).map_err(|error| {
        (StatusCode::NOT_FOUND, format!("{}: {error}; `cargo xtask tokens` builds the page\n", file.display()))
    })
}
