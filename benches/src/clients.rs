//! The contenders, each in its fastest use.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use everwire::store::SqliteStore;
use everwire::{Builder, Client, Deliveries, Guarantee, Message, SessionMode};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Theirs;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::contender::Contender;
use crate::process;
use crate::report::{Figure, Measure};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// Messages per one-way run of the fast contenders; the naive one sends a tenth.
const ONE_WAY: u64 = 2_048_000;
const ROUND_TRIPS: usize = 5_000;
const PIPELINED: usize = 200_000;
const IN_FLIGHT: usize = 64;

/// Runs one measurement in this process.
pub(crate) fn measure(contender: Contender, measure: Measure, address: &str) -> Done<Figure> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let path = if matches!(measure, Measure::OneWay32 | Measure::OneWay128) { "sink" } else { "echo" };
        let url = format!("ws://{address}/{path}");
        match contender {
            Contender::TungsteniteBatched | Contender::TungsteniteNaive => {
                theirs(&url, measure, contender == Contender::TungsteniteNaive).await
            }
            Contender::Everwire => ours(Client::builder(url), measure, 1).await,
            Contender::EverwireMany => ours(Client::builder(url), measure, 256).await,
            Contender::EverwireUnproven => ours(Client::builder(url).guarantee(Guarantee::Unproven), measure, 1).await,
            Contender::EverwireSession => ours(Client::builder(url).session(SessionMode::Require), measure, 256).await,
            Contender::EverwireDurable => {
                let folder = tempfile::tempdir()?;
                let store = SqliteStore::open(folder.path().join("outbox.db"))?;
                ours(Client::builder(url).session(SessionMode::Require).store(store), measure, 256).await
            }
            Contender::SocketIo => Err("it runs in Node.js".into()),
        }
    })
}

fn payload(measure: Measure) -> ByteString {
    ByteString::from("x".repeat(if measure == Measure::OneWay32 { 32 } else { 128 }))
}

async fn ours(client: Builder, measure: Measure, at_once: u64) -> Done<Figure> {
    let client = client.build()?;
    let mut inbox = client.messages();
    let payload = payload(measure);
    // Connected and warm before the clock starts.
    drop(client.send(if measure_is_echo(measure) { "warm" } else { "end" })?);
    inbox.next().await.ok_or("closed")?;
    match measure {
        Measure::OneWay32 | Measure::OneWay128 => {
            let started = Instant::now();
            if at_once == 1 {
                for _ in 0..ONE_WAY {
                    drop(client.send_wait(payload.clone()).await?);
                }
            } else {
                let mut burst = VecDeque::new();
                for _ in 0..ONE_WAY.div_ceil(at_once) {
                    burst.extend((0..at_once).map(|_| Message::from(payload.clone())));
                    client.send_many_wait(&mut burst, &mut Deliveries::new()).await?;
                }
            }
            drop(client.send_wait("end").await?);
            let counted = inbox.next().await.ok_or("closed")?;
            one_way(counted.as_text(), ONE_WAY, started.elapsed())
        }
        Measure::RoundTrip => {
            let mut times = Vec::with_capacity(ROUND_TRIPS);
            for _ in 0..ROUND_TRIPS {
                let started = Instant::now();
                drop(client.send(payload.clone())?);
                inbox.next().await.ok_or("closed")?;
                times.push(started.elapsed());
            }
            Ok(percentiles(times))
        }
        Measure::Pipelined => {
            let started = Instant::now();
            for _ in 0..IN_FLIGHT {
                drop(client.send(payload.clone())?);
            }
            for received in 0..PIPELINED {
                inbox.next().await.ok_or("closed")?;
                if received + IN_FLIGHT < PIPELINED {
                    drop(client.send(payload.clone())?);
                }
            }
            Ok(Figure::rate(PIPELINED as f64 / started.elapsed().as_secs_f64() / 1e3))
        }
    }
}

fn measure_is_echo(measure: Measure) -> bool {
    matches!(measure, Measure::RoundTrip | Measure::Pipelined)
}

async fn theirs(url: &str, measure: Measure, naive: bool) -> Done<Figure> {
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(url, None, true).await?;
    let payload = Theirs::text(payload(measure).to_string());
    socket.send(Theirs::text(if measure_is_echo(measure) { "warm" } else { "end" })).await?;
    receive(&mut socket).await?;
    match measure {
        Measure::OneWay32 | Measure::OneWay128 => {
            let messages = if naive { ONE_WAY / 10 } else { ONE_WAY };
            let started = Instant::now();
            for _ in 0..messages {
                if naive {
                    socket.send(payload.clone()).await?;
                } else {
                    socket.feed(payload.clone()).await?;
                }
            }
            socket.send(Theirs::text("end")).await?;
            let counted = receive(&mut socket).await?;
            one_way(counted.to_text().ok(), messages, started.elapsed())
        }
        Measure::RoundTrip => {
            let mut times = Vec::with_capacity(ROUND_TRIPS);
            for _ in 0..ROUND_TRIPS {
                let started = Instant::now();
                socket.send(payload.clone()).await?;
                receive(&mut socket).await?;
                times.push(started.elapsed());
            }
            Ok(percentiles(times))
        }
        Measure::Pipelined => {
            let started = Instant::now();
            for _ in 0..IN_FLIGHT {
                socket.feed(payload.clone()).await?;
            }
            socket.flush().await?;
            for received in 0..PIPELINED {
                receive(&mut socket).await?;
                if received + IN_FLIGHT < PIPELINED {
                    socket.send(payload.clone()).await?;
                }
            }
            Ok(Figure::rate(PIPELINED as f64 / started.elapsed().as_secs_f64() / 1e3))
        }
    }
}

async fn receive(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Done<Theirs> {
    Ok(socket.next().await.ok_or("closed")??)
}

fn one_way(counted: Option<&str>, sent: u64, took: Duration) -> Done<Figure> {
    if counted != Some(sent.to_string().as_str()) {
        return Err(format!("the server counted {counted:?} of {sent}").into());
    }
    Ok(Figure::rate(sent as f64 / took.as_secs_f64() / 1e6))
}

fn percentiles(mut times: Vec<Duration>) -> Figure {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    Figure { value: at(0.5), tail: at(0.99) }
}
