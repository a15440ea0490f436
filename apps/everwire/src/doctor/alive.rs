//! What an open connection does: answers to pings, and whether it lives through silence.

use std::time::Duration;

use everwire::{Cause, Client, Hint, Inbox};
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Probe, builder, outcome};
use super::finding::{Finding, Step, millis};
use crate::args::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::term::short;
use crate::words;

/// What is found, and what the whole comes to.
pub(super) type Found = (Finding, Exit);

pub(super) const ENDED: &str =
    "the server ends what it has just accepted: look at its logs; it may want a token or a subprotocol";

/// Pings, one after the other.
pub(super) async fn round_trip(client: &Client, args: &DoctorArgs) -> Found {
    let mut times = Vec::new();
    let mut inbox = client.messages();
    for _ in 0..args.pings {
        match ping(client, &mut inbox, args.timeout).await {
            Ok(time) => times.push(time),
            Err(Silence::Unanswered) => {
                let words = format!("no answer to a ping within {}", short(args.timeout));
                return (Finding::bad(Step::RoundTrip, words).advise(UNANSWERED), Exit::GaveUp);
            }
            Err(Silence::Ended(cause)) => {
                let advice = if matches!(cause, Cause::Dead { .. }) { UNANSWERED } else { ENDED };
                let exit = if cause.is_retryable() { Exit::GaveUp } else { Exit::Refused };
                return (Finding::bad(Step::RoundTrip, words::cause(&cause)).advise(advice), exit);
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
    (finding, Exit::Done)
}

const UNANSWERED: &str = "the server, or a proxy in front of it, does not answer pings as it must (RFC 6455 section 5.5.2), \
                          or is stalled";

/// Sends nothing for `silence`, and looks whether the connection is still there then.
pub(super) async fn idle(args: &DoctorArgs, url: &str, silence: Duration) -> Result<Finding, Failure> {
    // Its own pings come after the silence at the earliest.
    let quiet = builder(args, url)?.heartbeat_interval(Some(silence + DAY)).tcp_keepalive(None);
    let (probe, outcome) = Probe::open(quiet).await?;
    let finding = match outcome {
        Ok(_) => watch(&probe.client, args, silence).await,
        Err(cause) => Finding::odd(Step::Idle, format!("no second connection: {}", words::cause(&cause)))
            .advise("try again without other connections to the same server"),
    };
    probe.close(args).await;
    Ok(finding)
}

const DAY: Duration = Duration::from_secs(86_400);

async fn watch(client: &Client, args: &DoctorArgs, silence: Duration) -> Finding {
    let start = Instant::now();
    let (mut inbox, mut states) = (client.messages(), client.watch_state());
    let mut received = 0u64;
    let over = sleep_until(start + silence);
    tokio::pin!(over);
    while client.state().is_connected() {
        tokio::select! {
            () = &mut over => break,
            _ = states.changed() => {}
            message = inbox.next() => match message {
                Some(_) => received += 1,
                None => break,
            },
        }
    }
    let after = start.elapsed();
    let heard = match received {
        0 => String::new(),
        count => format!(", while the server sent {count} messages"),
    };
    if !client.state().is_connected() {
        let cause = outcome(client).await.err().map(|cause| words::cause(&cause)).unwrap_or_default();
        let words = format!("cut after {} without a word from this side{heard}: {cause}", short(after));
        let finding = Finding::odd(Step::Idle, words).with("ms", millis(after));
        return finding.advise(format!(
            "the server, or something on the way, ends idle connections: keep the heartbeat on, with an interval clearly \
             below {}",
            short(after)
        ));
    }
    match ping(client, &mut inbox, args.timeout).await {
        Ok(_) => Finding::good(Step::Idle, format!("still there after {} of silence{heard}", short(silence))),
        Err(_) => Finding::odd(Step::Idle, format!("dead after {} of silence{heard}, without a sign", short(silence)))
            .advise(
                "something on the way forgets idle connections, and tells nobody: keep the heartbeat on, with a shorter \
                 interval",
            ),
    }
    .with("ms", millis(silence))
}

/// Why there is no round trip.
enum Silence {
    Unanswered,
    Ended(Cause),
}

async fn ping(client: &Client, inbox: &mut Inbox, limit: Duration) -> Result<Duration, Silence> {
    let before = client.stats().machine.round_trip;
    let deadline = Instant::now() + limit;
    client.hint(Hint::Woke);
    loop {
        let measured = client.stats().machine.round_trip;
        if let Some(time) = measured.filter(|_| measured != before) {
            return Ok(time);
        }
        if !client.state().is_connected()
            && let Err(cause) = outcome(client).await
        {
            return Err(Silence::Ended(cause));
        }
        if Instant::now() >= deadline {
            return Err(Silence::Unanswered);
        }
        // The answer may stand behind messages.
        while inbox.try_next().is_some() {}
        sleep(LOOK).await;
    }
}

/// How often it is looked whether the pong has come; its time is taken when it does.
const LOOK: Duration = Duration::from_millis(1);
