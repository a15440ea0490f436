//! Checks of an open connection: answers to pings, and whether it survives silence.

use std::time::Duration;

use everwire::{Cause, Client, Event, EventItem, Events, Hint, Inbox, State};
use everwire_server::after;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Probe, builder, end};
use super::finding::{Finding, Step, millis};
use crate::args::DoctorArgs;
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::term::short;

/// Whether pings are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pings {
    Answered,
    /// Not answered, but the connection has not ended.
    Unanswered,
    /// The connection has ended; the exit code of the command.
    Ended(Exit),
}

pub(super) const ENDED: &str =
    "the server ends what it has just accepted: look at its logs; it may want a token or a subprotocol";

/// Sends pings, one after the other, and measures the round trips.
pub(super) async fn round_trip(client: &Client, args: &DoctorArgs) -> (Finding, Pings) {
    let mut times = Vec::new();
    let (mut inbox, mut events) = (client.messages(), client.events());
    for _ in 0..args.pings {
        match ping(client, &mut inbox, &mut events, args.timeout).await {
            Ok(time) => times.push(time),
            Err(Silence::Unanswered | Silence::Ended(Cause::Dead { .. })) => {
                let words = format!("no answer to a ping within {}", short(args.timeout));
                return (Finding::odd(Step::RoundTrip, words).advise(UNANSWERED), Pings::Unanswered);
            }
            Err(Silence::Ended(cause)) => {
                let exit = if cause.is_retryable() { Exit::GaveUp } else { Exit::Refused };
                return (Finding::bad(Step::RoundTrip, describe::cause(&cause)).advise(ENDED), Pings::Ended(exit));
            }
        }
    }
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    let (least, middle, most) = (at(0), at(times.len() / 2), at(times.len().saturating_sub(1)));
    let words = format!(
        "{} pings answered, in {} to {}, half of them within {}",
        times.len(),
        short(least),
        short(most),
        short(middle)
    );
    let finding = Finding::good(Step::RoundTrip, words).with("pings", times.len());
    let finding = finding.with("min_ms", millis(least)).with("median_ms", millis(middle)).with("max_ms", millis(most));
    (finding, Pings::Answered)
}

/// Why a connection ends before a ping is answered and before `limit` has passed; `None` if it does not end.
pub(super) async fn ended(client: &Client, limit: Duration) -> Option<Cause> {
    let (mut inbox, mut events) = (client.messages(), client.events());
    match ping(client, &mut inbox, &mut events, limit).await {
        Ok(_) | Err(Silence::Unanswered | Silence::Ended(Cause::Dead { .. })) => None,
        Err(Silence::Ended(cause)) => Some(cause),
    }
}

const UNANSWERED: &str = "applications get what the server sends, but nothing proves that it gets what they send, and a \
                          heartbeat ends a connection that is silent: --text-ping if the server answers a text, or \
                          --guarantee unproven and a longer --heartbeat-timeout. Servers have to answer pings (RFC 6455 \
                          section 5.5.2): this one, or a proxy in front of it, does not read, or is stalled";

/// Opens a connection, sends nothing for `silence`, and checks whether it still works.
pub(super) async fn idle(args: &DoctorArgs, url: &str, silence: Duration, pings: Pings) -> Result<Finding, Failure> {
    let quiet = builder(args, url)?.heartbeat_interval(None).tcp_keepalive(None);
    let (probe, outcome) = Probe::open(quiet).await?;
    let finding = match outcome {
        Ok(_) => watch(&probe.client, args, silence, pings).await,
        Err(cause) => Finding::odd(Step::Idle, format!("no second connection: {}", describe::cause(&cause)))
            .advise("try again without other connections to the same server"),
    };
    probe.close(args.timeout).await;
    Ok(finding)
}

async fn watch(client: &Client, args: &DoctorArgs, silence: Duration, pings: Pings) -> Finding {
    let start = Instant::now();
    let (mut inbox, mut events) = (client.messages(), client.events());
    let mut received = 0u64;
    let over = sleep_until(after(start, silence));
    tokio::pin!(over);
    // By the client's events: its state may already be that of the next connection.
    let mut cut = end(&client.state());
    while cut.is_none() {
        tokio::select! {
            () = &mut over => break,
            cause = lost(&mut events) => cut = Some(cause),
            message = inbox.next() => match message {
                Some(_) => received += 1,
                None => {
                    // The client has ended with the connection.
                    let _ = client.watch_state().wait_for(State::is_final).await;
                    cut = end(&client.state());
                    break;
                }
            },
        }
    }
    let after = start.elapsed();
    let heard = match received {
        0 => String::new(),
        count => format!(", while the server sent {count} messages"),
    };
    if let Some(cause) = cut {
        let words =
            format!("cut after {} without a word from this side{heard}: {}", short(after), describe::cause(&cause));
        let finding = Finding::odd(Step::Idle, words).with("ms", millis(after));
        return finding.advise(format!(
            "the server, or something on the way, ends idle connections: keep the heartbeat on, with an interval clearly \
             below {}",
            short(after)
        ));
    }
    if pings == Pings::Unanswered {
        let words = format!("not cut in {} of silence{heard}", short(silence));
        return Finding::odd(Step::Idle, words)
            .with("ms", millis(silence))
            .advise("as this server answers no pings, nothing shows whether the connection is still of use");
    }
    match ping(client, &mut inbox, &mut events, args.timeout).await {
        Ok(_) => Finding::good(Step::Idle, format!("still there after {} of silence{heard}", short(silence))),
        Err(_) => Finding::odd(Step::Idle, format!("dead after {} of silence{heard}, without a sign", short(silence)))
            .advise(
                "something on the way forgets idle connections, and tells nobody: keep the heartbeat on, with a shorter \
                 interval",
            ),
    }
    .with("ms", millis(silence))
}

/// Why a ping was not answered.
enum Silence {
    Unanswered,
    Ended(Cause),
}

/// Waits until the connection ends, and returns why.
async fn lost(events: &mut Events) -> Cause {
    loop {
        match events.next().await {
            Some(EventItem::Event(Event::Disconnected(post_mortem))) => return post_mortem.cause.clone(),
            Some(_) => {}
            // The client is not closed meanwhile, so this does not happen.
            None => std::future::pending().await,
        }
    }
}

async fn ping(client: &Client, inbox: &mut Inbox, events: &mut Events, limit: Duration) -> Result<Duration, Silence> {
    let before = client.stats().machine.round_trip;
    let deadline = after(Instant::now(), limit);
    client.hint(Hint::Woke);
    loop {
        let measured = client.stats().machine.round_trip;
        if let Some(time) = measured.filter(|_| measured != before) {
            return Ok(time);
        }
        if let Some(cause) = end(&client.state()) {
            return Err(Silence::Ended(cause));
        }
        if Instant::now() >= deadline {
            return Err(Silence::Unanswered);
        }
        // The pong may come after messages, which have to be taken first.
        while inbox.try_next().is_some() {}
        tokio::select! {
            cause = lost(events) => return Err(Silence::Ended(cause)),
            () = sleep(LOOK) => {}
        }
    }
}

/// How often to check whether the pong has come; the round trip is measured by the client, not by this.
const LOOK: Duration = Duration::from_millis(1);
