//! A real opening by the client that ships, and what it shows.

use std::time::Duration;

use everwire::{
    Builder, Cause, Client, Closed, Deflate, Hint, OpenFailure, OpenFailureKind, Opening, SessionMode, State,
};
use http::HeaderMap;
use http::header::{HeaderName, SEC_WEBSOCKET_EXTENSIONS, SERVER, VIA};
use tokio::time::{Instant, sleep};

use super::advice;
use super::certificate::{Certificate, Seen, now};
use super::finding::{Finding, Report, Step, millis};
use super::reach::Place;
use crate::args::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::term::short;

/// Opens, looks at everything, and leaves in order.
pub(super) async fn examine(
    args: &DoctorArgs,
    builder: Builder,
    server: &Place,
    proxy: Option<&str>,
    report: &mut Report,
) -> Result<Exit, Failure> {
    let seen = Seen::default();
    let watcher = seen.clone();
    let client = builder
        .watch_certificates(move |chain| watcher.remember(chain))
        .session(SessionMode::Prefer)
        .compression(Deflate::default())
        .connect_timeout(args.timeout.saturating_mul(2))
        .max_attempts(1)
        .connect_on_build(false)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    client.connect();
    let exit = match outcome(&client).await {
        Ok(subprotocol) => {
            let opening = client.stats().opening;
            if let Some(opening) = &opening {
                show(opening, server, seen.certificate().as_ref(), subprotocol.as_deref(), report)?;
            }
            round_trip(&client, args, report).await?
        }
        Err(cause) => fail(&cause, server, proxy, seen.certificate().as_ref(), report)?,
    };
    // What comes of the farewell is nobody's trouble any more.
    let _ = client.close(LEAVING).await;
    Ok(exit)
}

/// How long the closing handshake may take.
const LEAVING: Duration = Duration::from_secs(2);

/// Open, with the subprotocol; or why not.
async fn outcome(client: &Client) -> Result<Option<String>, Cause> {
    let mut states = client.watch_state();
    loop {
        match states.borrow_and_update().clone() {
            State::Connected { subprotocol } => return Ok(subprotocol),
            State::Closed(Closed::Refused(cause) | Closed::GaveUp { last: cause, .. })
            | State::Disconnected { cause, .. } => return Err(cause),
            State::Closed(Closed::ByPeer(frame)) => return Err(Cause::PeerClosed(frame)),
            _ => {}
        }
        // The client is ours and lives.
        let _ = states.changed().await;
    }
}

fn show(
    opening: &Opening,
    server: &Place,
    certificate: Option<&Certificate>,
    subprotocol: Option<&str>,
    report: &mut Report,
) -> Result<(), Failure> {
    report.add(&tls(opening, server, certificate))?;
    report.add(&upgrade(opening))?;
    report.add(&session(subprotocol))?;
    report.add(&compression(opening))
}

/// How the opening ended in failure: what was reached is good, and what was not come to is said.
fn fail(
    cause: &Cause,
    server: &Place,
    proxy: Option<&str>,
    certificate: Option<&Certificate>,
    report: &mut Report,
) -> Result<Exit, Failure> {
    let exit = if cause.is_retryable() { Exit::GaveUp } else { Exit::Refused };
    let Cause::OpenFailed(failure) = cause else {
        report.add(&Finding::bad(Step::Session, cause.to_string()).advise(ENDED))?;
        report.skip(&[Step::Compression, Step::RoundTrip])?;
        return Ok(exit);
    };
    let at = advice::step(failure);
    if at == Step::Upgrade || at == Step::Session {
        report.add(&tls_passed(server, certificate))?;
    }
    if at == Step::Session {
        report.add(&Finding::good(Step::Upgrade, "101 Switching Protocols".into()))?;
    }
    report.add(&broken(at, failure, server, proxy, certificate))?;
    let later = [Step::Tls, Step::Upgrade, Step::Session, Step::Compression, Step::RoundTrip];
    let next = later.iter().position(|step| *step == at).map_or(0, |place| place + 1);
    report.skip(&later[next..])?;
    // These may heal by themselves, but nobody who asks a doctor waits for that.
    match failure.kind {
        OpenFailureKind::Certificate | OpenFailureKind::NotWebSocket => Ok(Exit::Refused),
        OpenFailureKind::Refused { status: 200..=299, .. } => Ok(Exit::Refused),
        _ => Ok(exit),
    }
}

const ENDED: &str = "the server ends what it has just accepted: look at its logs; it may want a token or a subprotocol";

fn broken(
    at: Step,
    failure: &OpenFailure,
    server: &Place,
    proxy: Option<&str>,
    certificate: Option<&Certificate>,
) -> Finding {
    let mut words = failure.to_string();
    if at == Step::Proxy
        && let Some(proxy) = proxy
    {
        words = format!("{proxy}: {words}");
    }
    if at == Step::Tls
        && let Some(certificate) = certificate
    {
        words += &format!("; {}", certificate.words());
    }
    let code = Cause::OpenFailed(failure.clone()).code();
    let finding = Finding::bad(at, words).advise(advice::on(failure, certificate, &server.host));
    match code {
        Some(code) => finding.with("status", code),
        None => finding,
    }
}

fn tls(opening: &Opening, server: &Place, certificate: Option<&Certificate>) -> Finding {
    let passed = tls_passed(server, certificate);
    let (Some(version), Some(took)) = (opening.tls_version, opening.tls) else { return passed };
    let version = format!("{version:?}").replace('_', ".").replace("TLSv", "TLS ");
    passed.before(&format!("{version} in {}; ", short(took))).with("version", version).with("ms", millis(took))
}

fn tls_passed(server: &Place, certificate: Option<&Certificate>) -> Finding {
    if !server.secure {
        return Finding::skipped(Step::Tls, "not with ws://");
    }
    let Some(certificate) = certificate else { return Finding::good(Step::Tls, "the certificate is accepted".into()) };
    let left = certificate.days_left(now());
    let finding = if left < SOON {
        Finding::odd(Step::Tls, format!("{}: {left} days left", certificate.words())).advise("have it renewed in time")
    } else {
        Finding::good(Step::Tls, certificate.words())
    };
    finding
        .with("subject", certificate.subject.clone())
        .with("issuer", certificate.issuer.clone())
        .with("names", certificate.names.clone())
        .with("days_left", left)
}

/// Days before its end at which a certificate is worth a word.
const SOON: i64 = 14;

fn upgrade(opening: &Opening) -> Finding {
    let mut words = format!("101 Switching Protocols in {}", short(opening.upgrade));
    for name in [SERVER, VIA] {
        if let Some(value) = text(&opening.headers, &name) {
            words += &format!(", {name}: {value}");
        }
    }
    if opening.redirects > 0 {
        words += &format!(", redirected to {}", opening.url);
    }
    let finding = Finding::good(Step::Upgrade, words).with("status", 101).with("ms", millis(opening.upgrade));
    finding.with("url", opening.url.clone())
}

fn session(subprotocol: Option<&str>) -> Finding {
    match subprotocol {
        Some("everwire.v1") => Finding::good(
            Step::Session,
            "everwire.v1: every message is processed exactly once, and its acknowledgement is told".into(),
        )
        .with("subprotocol", "everwire.v1"),
        Some(other) => Finding::good(Step::Session, format!("none: the server has chosen the subprotocol {other}"))
            .with("subprotocol", other),
        None => Finding::good(
            Step::Session,
            "none: a plain WebSocket, as most are; what is known of a message is that it was received".into(),
        ),
    }
}

fn compression(opening: &Opening) -> Finding {
    match text(&opening.headers, &SEC_WEBSOCKET_EXTENSIONS) {
        Some(agreed) => Finding::good(Step::Compression, format!("agreed on: {agreed}")).with("agreed", agreed),
        None => Finding::good(Step::Compression, "offered, and the server does without".into()),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Pings, one after the other.
async fn round_trip(client: &Client, args: &DoctorArgs, report: &mut Report) -> Result<Exit, Failure> {
    let mut times = Vec::new();
    for _ in 0..args.pings {
        match ping(client, args.timeout).await {
            Ok(time) => times.push(time),
            Err(Silence::Unanswered) => {
                let words = format!("no answer to a ping within {}", short(args.timeout));
                report.add(&Finding::bad(Step::RoundTrip, words).advise(UNANSWERED))?;
                return Ok(Exit::GaveUp);
            }
            Err(Silence::Ended(cause)) => {
                report.add(&Finding::bad(Step::RoundTrip, cause.to_string()).advise(ENDED))?;
                return Ok(if cause.is_retryable() { Exit::GaveUp } else { Exit::Refused });
            }
        }
    }
    times.sort_unstable();
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return Ok(Exit::Done) };
    let middle = times[times.len() / 2];
    let words = format!(
        "{} pings answered, in {} to {}, half of them within {}",
        times.len(),
        short(*least),
        short(*most),
        short(middle)
    );
    let finding = Finding::good(Step::RoundTrip, words);
    let finding = finding.with("pings", times.len()).with("min_ms", millis(*least));
    report.add(&finding.with("median_ms", millis(middle)).with("max_ms", millis(*most)))?;
    Ok(Exit::Done)
}

const UNANSWERED: &str = "the server, or a proxy in front of it, does not answer pings as it must (RFC 6455 section 5.5.2), \
                          or is stalled";

/// Why there is no round trip.
enum Silence {
    Unanswered,
    Ended(Cause),
}

async fn ping(client: &Client, limit: Duration) -> Result<Duration, Silence> {
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
        sleep(LOOK).await;
    }
}

/// How often it is looked whether the pong has come; its time is taken when it does.
const LOOK: Duration = Duration::from_millis(1);
