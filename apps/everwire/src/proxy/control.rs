//! The HTTP interface that controls the proxy, in JSON.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use everwire_testkit::faults::{Ending, Schedule};
use everwire_testkit::proxy::Proxy;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};

const HELP: &str = "GET /status, POST /cut?with=reset|close, POST /blackhole?on=true|false, \
    POST /refuse?on=true|false, GET /schedule?as=toml|json, PUT /schedule, GET /log?follow=true|false";

/// The longest schedule, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Binds the port for control.
///
/// # Errors
/// One line that says what failed and what to do.
pub(super) async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let line = match error.kind() {
            ErrorKind::AddrInUse => format!("{address} is in use; choose another port with --control, or port 0"),
            _ => format!("can't listen on '{address}' for control: {error}"),
        };
        Failure::new(Exit::Failed, line)
    })
}

/// Serves until aborted.
pub(super) async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    let routes = Router::new()
        .route("/status", get(status))
        .route("/cut", post(cut))
        .route("/blackhole", post(black_hole))
        .route("/refuse", post(refuse))
        .route("/schedule", get(schedule).put(set_schedule))
        .route("/log", get(log))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, &format!("no such path; use {HELP}")) })
        .method_not_allowed_fallback(|| async { problem(StatusCode::METHOD_NOT_ALLOWED, &format!("use {HELP}")) })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(no_pages))
        .with_state(proxy);
    // It ends only when the task is aborted; an error of a connection concerns its client only.
    let _ = axum::serve(listener, routes).await;
}

/// Refuses requests from web pages, which could control the proxy without their user's intent.
async fn no_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return problem(StatusCode::FORBIDDEN, "pages in a browser may not control the proxy");
    }
    next.run(request).await
}

async fn status(State(proxy): State<Arc<Proxy>>) -> Response {
    let value = json!({
        "listen": proxy.address(),
        "black-hole": proxy.is_black_hole(),
        "refuse": proxy.is_refusing(),
        "rules": proxy.schedule().rules.len(),
        "stats": proxy.stats(),
        "open": proxy.open(),
    });
    ok(&value)
}

#[derive(Deserialize)]
struct With {
    #[serde(default)]
    with: Ending,
}

async fn cut(State(proxy): State<Arc<Proxy>>, with: Result<Query<With>, impl IntoResponse>) -> Response {
    match with {
        Ok(Query(With { with })) => ok(&json!({ "cut": proxy.cut_all(with) })),
        Err(_) => problem(StatusCode::BAD_REQUEST, "`with` is reset (the default) or close"),
    }
}

#[derive(Deserialize)]
struct Switch {
    #[serde(default = "yes")]
    on: bool,
}

const fn yes() -> bool {
    true
}

async fn black_hole(State(proxy): State<Arc<Proxy>>, on: Result<Query<Switch>, impl IntoResponse>) -> Response {
    let Ok(Query(Switch { on })) = on else { return no_switch() };
    proxy.black_hole(on);
    ok(&json!({ "black-hole": on }))
}

async fn refuse(State(proxy): State<Arc<Proxy>>, on: Result<Query<Switch>, impl IntoResponse>) -> Response {
    let Ok(Query(Switch { on })) = on else { return no_switch() };
    proxy.refuse(on);
    ok(&json!({ "refuse": on }))
}

fn no_switch() -> Response {
    problem(StatusCode::BAD_REQUEST, "`on` is true (the default) or false")
}

#[derive(Deserialize)]
struct As {
    #[serde(default)]
    r#as: Format,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Toml,
}

async fn schedule(State(proxy): State<Arc<Proxy>>, format: Result<Query<As>, impl IntoResponse>) -> Response {
    let schedule = proxy.schedule();
    match format {
        Ok(Query(As { r#as: Format::Json })) => typed("application/json", schedule.to_json()),
        Ok(Query(As { r#as: Format::Toml })) => typed("application/toml", schedule.to_toml()),
        Err(_) => problem(StatusCode::BAD_REQUEST, "`as` is json (the default) or toml"),
    }
}

async fn set_schedule(State(proxy): State<Arc<Proxy>>, body: Result<Bytes, impl IntoResponse>) -> Response {
    let Ok(body) = body else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "a schedule is at most 1 MiB long");
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return problem(StatusCode::BAD_REQUEST, "a schedule is UTF-8");
    };
    let set = Schedule::parse(text).and_then(|schedule| {
        let rules = schedule.rules.len();
        proxy.set(schedule).map(|()| rules)
    });
    match set {
        Ok(rules) => ok(&json!({ "rules": rules })),
        Err(error) => problem(StatusCode::BAD_REQUEST, &super::line(&error)),
    }
}

#[derive(Deserialize)]
struct Follow {
    #[serde(default = "yes")]
    follow: bool,
}

/// Streams the kept events, and then, with `follow`, each further one.
async fn log(State(proxy): State<Arc<Proxy>>, follow: Result<Query<Follow>, impl IntoResponse>) -> Response {
    let Ok(Query(Follow { follow })) = follow else {
        return problem(StatusCode::BAD_REQUEST, "`follow` is true (the default) or false");
    };
    let lines = stream::unfold(proxy.events(), move |mut events| async move {
        let event = if follow { events.next().await } else { events.try_next() };
        event.map(|event| (Ok::<_, std::convert::Infallible>(format!("{}\n", super::report::json(&event))), events))
    });
    let response = Response::builder().header(header::CONTENT_TYPE, "application/x-ndjson");
    response.body(Body::from_stream(lines)).unwrap_or_default()
}

fn ok(value: &Value) -> Response {
    typed("application/json", format!("{value}\n"))
}

fn typed(content: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, content)], body).into_response()
}

fn problem(status: StatusCode, problem: &str) -> Response {
    (status, ok(&json!({ "error": problem }))).into_response()
}
