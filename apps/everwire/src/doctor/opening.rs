//! Makes the application's request, with the client of the library, and reports each step of the opening.

use everwire::{Cause, OpenFailure, Opening};
use http::header::{SERVER, VIA};

use super::alive::Pings;
use super::certificate::{Certificate, now};
use super::client::{Probe, builder};
use super::extras::{self, Addresses};
use super::finding::{Finding, Report, Step, millis};
use super::reach::{Place, Way};
use super::{advice, alive, closer, text};
use crate::args::{DoctorArgs, with_options};
use crate::describe;
use crate::exit::{Exit, Failure};
use crate::term::short;

/// Opens a connection as the application does, then checks pings, idle time, addresses, sessions and compression.
pub(super) async fn examine(args: &DoctorArgs, way: &Way<'_>, report: &mut Report) -> Result<Exit, Failure> {
    let (probe, outcome) = Probe::open(builder(args, way.url)?).await?;
    let certificate = probe.certificate();
    let subprotocol = match outcome {
        Ok(subprotocol) => subprotocol,
        Err(cause) => {
            probe.close(args.timeout).await;
            return fail(&cause, args, way, certificate.as_ref(), report).await;
        }
    };
    if let Some(opening) = &probe.client.stats().opening {
        report.add(&tls(opening, way.server, certificate.as_ref()))?;
        report.add(&upgrade(opening, subprotocol.as_deref()))?;
    }
    let (finding, pings) = alive::round_trip(&probe.client, args).await;
    probe.close(args.timeout).await;
    report.add(&finding)?;
    if let Pings::Ended(exit) = pings {
        let exit = at_others(args, way, report).await?.unwrap_or(exit);
        report.skip(&[Step::Session, Step::Compression])?;
        return Ok(exit);
    }
    if let Some(silence) = args.idle {
        report.add(&alive::idle(args, way.url, silence, pings).await?)?;
    }
    if let Some(addresses) = extras::each_address(args, way).await? {
        report.add(&addresses.finding)?;
    }
    report.add(&extras::session(args, way.url, subprotocol.as_deref()).await?)?;
    report.add(&extras::compression(args, way.url).await?)?;
    Ok(Exit::Done)
}

/// Reports an opening that failed: the steps that were reached, the one that failed, and those that were not reached.
async fn fail(
    cause: &Cause,
    args: &DoctorArgs,
    way: &Way<'_>,
    certificate: Option<&Certificate>,
    report: &mut Report,
) -> Result<Exit, Failure> {
    let exit = if cause.is_retryable() { Exit::GaveUp } else { Exit::Refused };
    let Cause::OpenFailed(failure) = cause else {
        report.add(&Finding::bad(Step::RoundTrip, describe::cause(cause)).advise(alive::ENDED))?;
        let exit = at_others(args, way, report).await?.unwrap_or(exit);
        report.skip(&[Step::Session, Step::Compression])?;
        return Ok(exit);
    };
    let at = advice::step(failure);
    if at == Step::Request {
        report.add(&broken(at, failure, way, None, None))?;
        report.skip(&LATER)?;
        return Ok(Exit::Failed);
    }
    if at == Step::Upgrade {
        report.add(&tls_passed(way.server, certificate))?;
    }
    let instead = closer::look(args, failure, way.server, way.proxy, way.first).await?;
    let another_address = instead.is_some();
    report.add(&broken(at, failure, way, certificate, instead))?;
    let elsewhere = at_others(args, way, report).await?;
    let next = LATER.iter().position(|step| *step == at).map_or(0, |place| place + 1);
    report.skip(&LATER[next..])?;
    if let Some(exit) = elsewhere {
        return Ok(exit);
    }
    if exit == Exit::GaveUp && (another_address || describe::is_hopeless(cause)) {
        report.needs_a_change();
    }
    Ok(exit)
}

/// Checks all addresses, if there are several; returns the exit code if some of them work.
async fn at_others(args: &DoctorArgs, way: &Way<'_>, report: &mut Report) -> Result<Option<Exit>, Failure> {
    let Some(Addresses { finding, working, failing }) = extras::each_address(args, way).await? else { return Ok(None) };
    report.add(&finding)?;
    if working.is_empty() {
        return Ok(None);
    }
    report.works_partly(&working, &failing);
    Ok(Some(Exit::GaveUp))
}

/// The steps of an opening, and the checks after it, in their order.
const LATER: [Step; 5] = [Step::Tls, Step::Upgrade, Step::RoundTrip, Step::Session, Step::Compression];

fn broken(
    at: Step,
    failure: &OpenFailure,
    way: &Way<'_>,
    certificate: Option<&Certificate>,
    instead: Option<String>,
) -> Finding {
    let mut words = with_options(&failure.to_string());
    if at == Step::Proxy
        && let Some(proxy) = way.proxy
    {
        words = format!("{proxy}: {words}");
    }
    if at == Step::Tls
        && let Some(certificate) = certificate
    {
        words += &format!("; {}", certificate.words());
    }
    let code = Cause::OpenFailed(failure.clone()).code();
    let advice = instead.unwrap_or_else(|| advice::on(failure, certificate, &way.server.host));
    let finding = Finding::bad(at, words).advise(advice);
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

/// A certificate that is valid for fewer days than this is reported.
const SOON: i64 = 14;

fn upgrade(opening: &Opening, subprotocol: Option<&str>) -> Finding {
    let mut words = format!("101 Switching Protocols in {}", short(opening.upgrade));
    for name in [SERVER, VIA] {
        if let Some(value) = text(&opening.headers, &name) {
            words += &format!(", {name}: {value}");
        }
    }
    if let Some(name) = subprotocol {
        words += &format!(", subprotocol {name}");
    }
    if opening.redirects > 0 {
        words += &format!(", redirected to {}", opening.url);
    }
    let finding = Finding::good(Step::Upgrade, words).with("status", 101).with("ms", millis(opening.upgrade));
    finding.with("url", opening.url.clone())
}
