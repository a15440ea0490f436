//! The callees: each sends back what it receives.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use everwire_server::{Calls, Message, Server, Session, Sessions, SessionsConfig, Upgrade};
use futures_util::{StreamExt, future, stream};
use jsonrpsee::RpcModule;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::callers::Echo;
use crate::contender::Contender;
use crate::{Done, by_hand, process};

pub(crate) fn run(contender: Contender) -> Done<()> {
    process::pin(1);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        match contender {
            Contender::Everwire => everwire().await,
            Contender::Bare => bare().await,
            Contender::JsonRpsee => json_rpsee().await,
            Contender::Tarpc => tarpc().await,
            Contender::ByHand => by_hand::serve(listener().await?).await,
            Contender::SocketIo => Err("it has a server of its own".into()),
        }
    })
}

/// Binds a port, and prints its address.
async fn listener() -> Done<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

async fn everwire() -> Done<()> {
    let calls = Calls::new()
        .call("echo", async |payload: Message| payload)
        .call("never", async || Notify::new().notified().await)
        .stream("items", async |up_to: String| {
            let up_to = up_to.parse::<u64>().unwrap_or(0);
            stream::iter((0..up_to).map(|_| ITEM))
        });
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State((sessions, calls)): State<(Sessions, Calls)>, upgrade: Upgrade| {
        sessions.accept_calls(upgrade, "", calls)
    });
    let app = Router::new().route("/", route).with_state((sessions, calls));
    Server::new().serve_router(listener().await?, app, future::pending()).await;
    Ok(())
}

const ITEM: &str = "an item of thirty-two characters";

async fn bare() -> Done<()> {
    let sessions = Sessions::new(SessionsConfig::default())?;
    let route = get(async |State(sessions): State<Sessions>, upgrade: Upgrade| sessions.accept(upgrade, "", answer));
    let app = Router::new().route("/", route).with_state(sessions);
    Server::new().serve_router(listener().await?, app, future::pending()).await;
    Ok(())
}

/// Sends each message back, but answers `items N` with N messages.
async fn answer(mut session: Session) {
    let sender = session.sender();
    while let Some(received) = session.recv().await {
        let count = received.message.as_text().and_then(|text| text.strip_prefix("items ")?.parse::<u64>().ok());
        match count {
            None => drop(sender.send_wait(received.message).await),
            Some(count) => {
                for _ in 0..count {
                    let _ = sender.send_wait(ITEM).await;
                }
            }
        }
    }
}

async fn json_rpsee() -> Done<()> {
    let mut module = RpcModule::new(());
    module.register_method("echo", |params, _, _| params.one::<String>().unwrap_or_default())?;
    let server = jsonrpsee::server::Server::builder().build("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?);
    server.start(module).stopped().await;
    Ok(())
}

#[derive(Clone)]
struct Echoes;

impl Echo for Echoes {
    async fn echo(self, _: tarpc::context::Context, payload: String) -> String {
        payload
    }
}

async fn tarpc() -> Done<()> {
    let mut listener = tarpc::serde_transport::tcp::listen("127.0.0.1:0", Bincode::default).await?;
    println!("{}", listener.local_addr());
    while let Some(Ok(transport)) = listener.next().await {
        let channel = BaseChannel::with_defaults(transport).execute(Echoes.serve());
        tokio::spawn(channel.for_each(async |response| drop(tokio::spawn(response))));
    }
    Ok(())
}
