//! Checks of optional features, each on a connection of its own, so that an offer which the server refuses does not spoil the
//! check of the application's request.

use std::time::Duration;

use everwire::{Cause, Deflate, OpenFailure, OpenFailureKind, SessionMode};
use http::header::SEC_WEBSOCKET_EXTENSIONS;

use super::client::{Probe, builder};
use super::finding::{Finding, Step};
use super::reach::Way;
use super::{alive, text};
use crate::args::DoctorArgs;
use crate::describe;
use crate::exit::Failure;

/// Checks whether the server supports sessions. `plain` is the subprotocol that it has chosen when none was offered for them.
pub(super) async fn session(args: &DoctorArgs, url: &str, plain: Option<&str>) -> Result<Finding, Failure> {
    let (probe, outcome) = Probe::open(builder(args, url)?.session(SessionMode::Require)).await?;
    probe.close(args.timeout).await;
    let cause = match outcome {
        Ok(_) => {
            let words = "everwire.v1: every message is processed exactly once, and its acknowledgement is told";
            return Ok(Finding::good(Step::Session, words.into()).with("subprotocol", "everwire.v1"));
        }
        Err(cause) => cause,
    };
    if matches!(&cause, Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::NoSession, .. })) {
        return Ok(match plain {
            Some(name) => Finding::good(Step::Session, format!("none: the server has chosen the subprotocol {name}"))
                .with("subprotocol", name),
            None => Finding::good(
                Step::Session,
                "none: a plain WebSocket, as most are; what is known of a message is that it was received".into(),
            ),
        });
    }
    let words = format!("none: with 'everwire.v1' among the subprotocols it fails: {}", describe::cause(&cause));
    Ok(Finding::odd(Step::Session, words).advise("connect without a session, as the plain request that works does"))
}

/// The addresses of a server that work, and those that do not.
pub(super) struct Addresses {
    pub(super) finding: Finding,
    pub(super) working: Vec<String>,
    pub(super) failing: Vec<String>,
}

/// Sends the application's request to each address; `None` if there is only one, or a proxy chooses.
pub(super) async fn each_address(args: &DoctorArgs, way: &Way<'_>) -> Result<Option<Addresses>, Failure> {
    if way.proxy.is_some() || way.first.len() < 2 {
        return Ok(None);
    }
    let (mut told, mut working, mut failing) = (Vec::new(), Vec::new(), Vec::new());
    for address in way.first.iter().take(MOST) {
        let only = builder(args, way.url)?.resolve(&way.server.host, way.server.port, [*address]);
        let (probe, outcome) = Probe::open(only).await?;
        // Some servers close a connection that they have just accepted.
        let ended = match outcome {
            Ok(_) => alive::ended(&probe.client, args.timeout.min(GLANCE)).await,
            Err(cause) => Some(cause),
        };
        probe.close(args.timeout).await;
        match ended {
            None => {
                told.push(format!("{address} works"));
                working.push(address.to_string());
            }
            Some(cause) => {
                told.push(format!("{address}: {}", describe::cause(&cause)));
                failing.push(address.to_string());
            }
        }
    }
    let words = told.join("; ");
    let finding = match failing.is_empty() {
        true => Finding::good(Step::Addresses, words),
        false => Finding::odd(Step::Addresses, words).advise(
            "clients go on to the next address when one fails, which takes time: have those that fail mended, or taken out of \
             the DNS",
        ),
    };
    let finding = finding.with("working", working.clone());
    Ok(Some(Addresses { finding, working, failing }))
}

/// The longest wait for the answer to a ping, at each address.
const GLANCE: Duration = Duration::from_secs(2);

/// The most addresses that are checked.
const MOST: usize = 8;

/// Checks whether the server compresses.
pub(super) async fn compression(args: &DoctorArgs, url: &str) -> Result<Finding, Failure> {
    let (probe, outcome) = Probe::open(builder(args, url)?.compression(Deflate::default())).await?;
    let agreed = probe.client.stats().opening.and_then(|opening| text(&opening.headers, &SEC_WEBSOCKET_EXTENSIONS));
    probe.close(args.timeout).await;
    Ok(match (outcome, agreed) {
        (Ok(_), Some(agreed)) if !agreed.trim().is_empty() => {
            Finding::good(Step::Compression, format!("agreed on: {agreed}")).with("agreed", agreed)
        }
        (Ok(_), _) => Finding::good(Step::Compression, "offered, and the server does without".into()),
        (Err(cause), _) => {
            let words = format!("none: where it is offered it fails: {}", describe::cause(&cause));
            Finding::odd(Step::Compression, words)
                .advise("connect without compression, as the plain request that works does")
        }
    })
}
