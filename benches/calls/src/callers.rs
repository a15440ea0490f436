//! The callers, each used as its documentation shows.

use std::time::{Duration, Instant};

use everwire::{Client, SessionMode};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jsonrpsee::core::client::ClientT;
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use tarpc::tokio_serde::formats::Bincode;

use crate::by_hand::ByHand;
use crate::contender::Contender;
use crate::{Done, process};

#[tarpc::service]
pub(crate) trait Echo {
    async fn echo(payload: String) -> String;
}

enum Caller {
    Everwire(Client),
    JsonRpsee(WsClient),
    Tarpc(EchoClient),
    ByHand(ByHand),
}

impl Caller {
    async fn connect(contender: Contender, address: &str) -> Done<Self> {
        Ok(match contender {
            Contender::Everwire => Self::Everwire(session(address)?),
            Contender::JsonRpsee => {
                let builder = WsClientBuilder::default().max_concurrent_requests(1024);
                Self::JsonRpsee(builder.build(format!("ws://{address}")).await?)
            }
            Contender::Tarpc => {
                let transport = tarpc::serde_transport::tcp::connect(address, Bincode::default).await?;
                Self::Tarpc(EchoClient::new(tarpc::client::Config::default(), transport).spawn())
            }
            Contender::ByHand => Self::ByHand(ByHand::connect(address).await?),
            Contender::Bare | Contender::SocketIo => return Err("measured in its own way".into()),
        })
    }

    async fn call(&self, payload: &str) -> Done<usize> {
        Ok(match self {
            Self::Everwire(client) => client.call("echo", payload).await?.len(),
            Self::JsonRpsee(client) => client.request::<String, _>("echo", rpc_params![payload]).await?.len(),
            Self::Tarpc(client) => client.echo(tarpc::context::current(), payload.to_owned()).await?.len(),
            Self::ByHand(client) => client.call(payload.to_owned()).await?.len(),
        })
    }
}

pub(crate) fn session(address: &str) -> Done<Client> {
    Ok(Client::builder(format!("ws://{address}/")).session(SessionMode::Require).build()?)
}

const PAYLOAD: &str = "a payload, thirty-two bytes long";

pub(crate) fn run(contender: Contender, address: &str, in_flight: u64, count: u64) -> Done<()> {
    process::pin(0);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (took, times) = match contender {
            Contender::Bare => bare(address, in_flight, count).await?,
            _ => calls(contender, address, in_flight, count).await?,
        };
        report(took, times);
        Ok(())
    })
}

fn report(took: Duration, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN);
    let cpu = process::cpu("self").unwrap_or(f64::NAN) / times.len() as f64;
    println!("{} {} {} {cpu}", times.len() as f64 / took.as_secs_f64(), at(0.5), at(0.99));
}

async fn calls(contender: Contender, address: &str, in_flight: u64, count: u64) -> Done<(Duration, Vec<f64>)> {
    let caller = Caller::connect(contender, address).await?;
    for _ in 0..100 {
        caller.call(PAYLOAD).await?;
    }
    let one_after_another = async || {
        let mut times = Vec::new();
        for _ in 0..count / in_flight {
            let started = Instant::now();
            let length = caller.call(PAYLOAD).await?;
            times.push(started.elapsed().as_secs_f64() * 1e6);
            if length != PAYLOAD.len() {
                return Err("a wrong reply".into());
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(times)
    };
    let started = Instant::now();
    if in_flight == 1 {
        // Not among others: they are polled, and the runtime asks for events, once more for each call there.
        let times = one_after_another().await?;
        return Ok((started.elapsed(), times));
    }
    let mut callers: FuturesUnordered<_> = (0..in_flight).map(|_| one_after_another()).collect();
    let mut times = Vec::new();
    while let Some(some) = callers.next().await {
        times.extend(some?);
    }
    Ok((started.elapsed(), times))
}

/// Measures bare messages: replies come in the order of the messages, so that no ids are needed.
async fn bare(address: &str, in_flight: u64, count: u64) -> Done<(Duration, Vec<f64>)> {
    let client = session(address)?;
    let mut inbox = client.messages();
    drop(client.send(PAYLOAD)?);
    inbox.next().await.ok_or("the client has ended")?;
    let (started, mut sent) = (Instant::now(), std::collections::VecDeque::new());
    let mut times = Vec::new();
    for number in 0..count + in_flight {
        if number >= in_flight {
            inbox.next().await.ok_or("the client has ended")?;
            let since: Instant = sent.pop_front().ok_or("a reply too many")?;
            times.push(since.elapsed().as_secs_f64() * 1e6);
        }
        if number < count {
            drop(client.send(PAYLOAD)?);
            sent.push_back(Instant::now());
        }
    }
    Ok((started.elapsed(), times))
}
