//! `everwire doctor`: whether a WebSocket can be reached, step by step, and what to do if not.
//!
//! - [`finding`]: the result of a step, in words and as JSON
//! - [`reach`]: looks up the name and connects to the addresses
//! - [`certificate`]: the server's certificate
//! - [`opening`]: makes the application's request, with the client of the library
//! - [`alive`]: pings, and silence
//! - [`extras`]: sessions, compression and further addresses, each on a connection of its own
//! - [`closer`]: further checks after a failure
//! - [`mod@cluster`]: the NATS servers of several nodes
//! - [`client`]: clients that open one connection each
//! - [`mod@advice`]: what to do about a failure

mod advice;
mod alive;
mod certificate;
mod client;
mod closer;
mod cluster;
mod extras;
mod finding;
mod opening;
mod reach;

pub(crate) use self::closer::{may_be_tls, speaks_tls};

use std::time::Instant;

use everwire::Cause;
use http::{HeaderMap, HeaderName};

use self::finding::{Finding, Report, Step};
use self::reach::{Place, Way};
use crate::address::{self, Address};
use crate::args::{ColorArg, DoctorArgs};
use crate::exit::{Exit, Failure};
use crate::term;

pub(crate) async fn run(args: DoctorArgs, color: ColorArg) -> Result<Exit, Failure> {
    let mut report = Report::new(args.json, term::look(color, &std::io::stdout()));
    let start = Instant::now();
    let exit = match &args.url {
        Some(url) => {
            let address = address::normalise(url, "/").map_err(Failure::usage)?;
            report.begin(&address.shown)?;
            examine(&args, &address, &mut report).await?
        }
        None => cluster::run(&args, &mut report).await?,
    };
    report.end(exit, start.elapsed())?;
    Ok(exit)
}

async fn examine(args: &DoctorArgs, address: &Address, report: &mut Report) -> Result<Exit, Failure> {
    let server = Place::of(&address.url).map_err(Failure::usage)?;
    report.add(&privacy(&server))?;
    let proxy =
        client::builder(args, &address.url)?.proxy_in_use().map_err(|error| Failure::usage(error.to_string()))?;
    report.add(&by_proxy(proxy.as_deref()))?;
    let first = match &proxy {
        Some(url) => Place::of(url).map_err(Failure::usage)?,
        None => server.clone(),
    };
    let (finding, addresses) = reach::look_up(&first, &args.network.resolve, args.timeout).await;
    report.add(&finding)?;
    if addresses.is_empty() {
        report.skip(&[Step::Tcp, Step::Tls, Step::Upgrade, Step::RoundTrip, Step::Session, Step::Compression])?;
        return Ok(Exit::GaveUp);
    }
    let finding = reach::dial(&addresses, args.timeout).await;
    report.add(&finding)?;
    if finding.is_bad() {
        report.skip(&[Step::Tls, Step::Upgrade, Step::RoundTrip, Step::Session, Step::Compression])?;
        return Ok(Exit::GaveUp);
    }
    let way = Way { url: &address.url, server: &server, proxy: proxy.as_deref(), first: &addresses };
    opening::examine(args, &way, report).await
}

/// What to do about a connection that was not opened, judged by the cause alone.
pub(crate) fn advice(cause: &Cause) -> Option<String> {
    let Cause::OpenFailed(failure) = cause else { return None };
    Some(advice::on(failure, None, ""))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn privacy(server: &Place) -> Finding {
    let shown = server.host_and_port();
    if server.secure {
        Finding::good(Step::Address, format!("{shown}, encrypted (wss)"))
    } else if server.is_this_machine() {
        Finding::good(Step::Address, format!("{shown}, not encrypted (ws), on this machine"))
    } else {
        Finding::odd(Step::Address, format!("{shown}, not encrypted (ws)"))
            .advise("use wss:// if the server can: on the way everybody can read and change what is said")
    }
}

fn by_proxy(proxy: Option<&str>) -> Finding {
    match proxy {
        Some(url) => Finding::good(Step::Proxy, format!("by {url}")).with("proxy", url),
        None => Finding::good(Step::Proxy, "none for this address, neither by option nor by environment".into()),
    }
}
