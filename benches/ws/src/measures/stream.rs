//! Streams of messages: one way up, one way down, and echoed with many in flight.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Connected, Effort};
use crate::Done;
use crate::peers::Peer;
use crate::process::cpu_time;

/// The number of messages between two readings of the clock.
const BETWEEN_LOOKS: usize = 256;

const IN_FLIGHT: usize = 64;

/// Shorter messages, in bytes, are commands for the other side; all others are payload.
const WORD: usize = 32;

/// What the other side has counted between `start` and `end`.
pub(super) struct Counted {
    messages: u64,
    pub(super) cpu: Duration,
}

/// One way to the server: messages per second in millions (batched) or thousands, and CPU.
pub(super) async fn up<P: Peer>(to: Connected, messages: &[P::Message], naive: bool, effort: Effort) -> Done<Vec<f64>> {
    let mut peer: P = to.open()?;
    for _ in 0..10 * BETWEEN_LOOKS {
        peer.feed(&messages[0]).await?;
    }
    start(&mut peer).await?;
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut sent = 0;
    while started.elapsed() < effort.streaming {
        for message in messages.iter().cycle().take(BETWEEN_LOOKS) {
            if naive {
                peer.send(message).await?;
            } else {
                peer.feed(message).await?;
            }
        }
        sent += BETWEEN_LOOKS as u64;
    }
    let counted = end(&mut peer, sent).await?;
    let (took, mine) = (started.elapsed(), per(cpu_time() - cpu, sent));
    let (rate, theirs) = (sent as f64 / took.as_secs_f64(), per(counted.cpu, sent));
    Ok(if naive { vec![rate / 1e3, mine + theirs] } else { vec![rate / 1e6, mine + theirs, mine, theirs] })
}

/// One way to the server, compressed: thousands of messages per second, bytes of each on the wire, CPU in µs.
pub(super) async fn compressed_up<P: Peer>(to: Connected, messages: &[P::Message], effort: Effort) -> Done<Vec<f64>> {
    let written = to.wire.counter();
    let mut peer: P = to.open()?;
    for message in messages {
        peer.feed(message).await?;
    }
    start(&mut peer).await?;
    let (cpu, before, started) = (cpu_time(), written.load(Ordering::Relaxed), Instant::now());
    let mut sent = 0;
    while started.elapsed() < effort.streaming {
        for message in messages {
            peer.feed(message).await?;
        }
        sent += messages.len() as u64;
    }
    let counted = end(&mut peer, sent).await?;
    let (took, mine) = (started.elapsed(), per(cpu_time() - cpu, sent));
    let bytes = (written.load(Ordering::Relaxed) - before) as f64 / sent as f64;
    Ok(vec![sent as f64 / took.as_secs_f64() / 1e3, bytes, mine / 1e3, per(counted.cpu, sent) / 1e3])
}

/// Echoed, with many in flight: thousands of messages per second, and CPU.
pub(super) async fn pipelined<P: Peer>(to: Connected, effort: Effort) -> Done<Vec<f64>> {
    let mut peer: P = to.open()?;
    let message = P::text(&"x".repeat(128));
    start(&mut peer).await?;
    for _ in 0..IN_FLIGHT {
        peer.feed(&message).await?;
    }
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut received = 0;
    while started.elapsed() < effort.streaming {
        for _ in 0..BETWEEN_LOOKS {
            peer.flush_and_receive().await?;
            peer.feed(&message).await?;
        }
        received += BETWEEN_LOOKS as u64;
    }
    for _ in 0..IN_FLIGHT {
        peer.flush_and_receive().await?;
    }
    let took = started.elapsed();
    received += IN_FLIGHT as u64;
    let mine = per(cpu_time() - cpu, received);
    let counted = end(&mut peer, received).await?;
    Ok(vec![received as f64 / took.as_secs_f64() / 1e3, mine + per(counted.cpu, received)])
}

/// The server of [`up`]: counts.
pub(super) async fn sink<P: Peer>(mut peer: P) -> Done<()> {
    let (mut messages, mut since) = (0, Duration::ZERO);
    let mut count = |payload: &[u8]| {
        if payload.len() < WORD {
            return answer(payload, &mut messages, &mut since);
        }
        messages += 1;
        None
    };
    loop {
        let mut words = None;
        while let (None, Some(payload)) = (&words, peer.next_in_place()) {
            words = count(payload);
        }
        if words.is_none() {
            let message = peer.receive().await?;
            words = count(P::payload(&message));
        }
        if let Some(words) = words {
            peer.send(&P::text(&words)).await?;
        }
    }
}

/// The server of [`pipelined`]: sends all back.
pub(super) async fn echo<P: Peer>(mut peer: P) -> Done<()> {
    let (mut messages, mut since) = (0, Duration::ZERO);
    loop {
        let message = peer.flush_and_receive().await?;
        let payload = P::payload(&message);
        if payload.len() >= WORD {
            messages += 1;
            peer.feed_back(message).await?;
        } else if let Some(answer) = answer(payload, &mut messages, &mut since) {
            peer.send(&P::text(&answer)).await?;
        }
    }
}

fn answer(word: &[u8], messages: &mut u64, since: &mut Duration) -> Option<String> {
    match word {
        b"start" => {
            (*messages, *since) = (0, cpu_time());
            Some("go".to_owned())
        }
        b"end" => Some(format!("{messages} {}", (cpu_time() - *since).as_nanos())),
        _ => None,
    }
}

pub(super) async fn start<P: Peer>(peer: &mut P) -> Done<()> {
    peer.send(&P::text("start")).await?;
    peer.receive().await.map(drop)
}

pub(super) async fn end<P: Peer>(peer: &mut P, sent: u64) -> Done<Counted> {
    peer.send(&P::text("end")).await?;
    let answer = peer.receive().await?;
    parse(P::payload(&answer), sent)
}

pub(super) fn parse(answer: &[u8], sent: u64) -> Done<Counted> {
    let (messages, cpu) = std::str::from_utf8(answer)?.split_once(' ').ok_or("an answer without a count")?;
    let counted = Counted { messages: messages.parse()?, cpu: Duration::from_nanos(cpu.parse()?) };
    if counted.messages != sent {
        return Err(format!("{} of {sent} messages were counted", counted.messages).into());
    }
    Ok(counted)
}

/// Nanoseconds per message.
fn per(time: Duration, messages: u64) -> f64 {
    time.as_nanos() as f64 / messages as f64
}
