//! `everwire doctor`: whether a WebSocket can be reached, step by step, and what to do if not.
//!
//! - [`finding`]: what a step has found, in words and as JSON
//! - [`reach`]: the name and the addresses
//! - [`certificate`]: what a server shows of itself
//! - [`opening`]: a real opening by the client that ships, and what it shows
//! - [`advice`]: what to do about what failed

mod advice;
mod certificate;
mod finding;
mod opening;
mod reach;

use std::time::Instant;

use everwire::{Builder, Client};

use self::finding::{Finding, Report, Step};
use self::reach::Place;
use crate::address::{self, Address};
use crate::args::{ColorArg, DoctorArgs};
use crate::exit::{Exit, Failure};
use crate::{term, token};

pub(crate) async fn run(args: DoctorArgs, color: ColorArg) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/").map_err(Failure::usage)?;
    let mut report = Report::new(args.json, term::look(color, &std::io::stdout()));
    report.begin(address.understood_as.as_deref().unwrap_or(&args.url))?;
    let start = Instant::now();
    let exit = examine(&args, &address, &mut report).await?;
    report.end(exit, start.elapsed())?;
    Ok(exit)
}

async fn examine(args: &DoctorArgs, address: &Address, report: &mut Report) -> Result<Exit, Failure> {
    let server = Place::of(&address.url).map_err(Failure::usage)?;
    report.add(&privacy(&server))?;
    let proxy = builder(args, &address.url)?.proxy_in_use().map_err(|error| Failure::usage(error.to_string()))?;
    report.add(&by_proxy(proxy.as_deref()))?;
    let first = match &proxy {
        Some(url) => Place::of(url).map_err(Failure::usage)?,
        None => server.clone(),
    };
    let (finding, addresses) = reach::look_up(&first, args.timeout).await;
    report.add(&finding)?;
    if addresses.is_empty() {
        report.skip(&[Step::Tcp, Step::Tls, Step::Upgrade, Step::Session, Step::Compression, Step::RoundTrip])?;
        return Ok(Exit::GaveUp);
    }
    let finding = reach::dial(&addresses, args.timeout).await;
    report.add(&finding)?;
    if finding.is_bad() {
        report.skip(&[Step::Tls, Step::Upgrade, Step::Session, Step::Compression, Step::RoundTrip])?;
        return Ok(Exit::GaveUp);
    }
    opening::examine(args, builder(args, &address.url)?, &server, proxy.as_deref(), report).await
}

/// The client as the options want it.
fn builder(args: &DoctorArgs, url: &str) -> Result<Builder, Failure> {
    let mut builder = args.network.read()?.apply(Client::builder(url));
    for header in &args.headers {
        builder = builder.header(&header.name, &header.value);
    }
    for name in &args.subprotocols {
        builder = builder.subprotocol(name);
    }
    Ok(token::attach(builder, &args.token))
}

fn privacy(server: &Place) -> Finding {
    let shown = format!("{}:{}", server.host, server.port);
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
