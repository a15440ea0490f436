//! Clients that open one connection each, with the settings of the options.

use std::time::Duration;

use everwire::{Builder, Cause, Client, Closed, State};

use super::certificate::{Certificate, Seen};
use crate::args::{self, DoctorArgs};
use crate::exit::{Exit, Failure};
use crate::token;

/// A client that connects once, and the certificate that it has seen.
pub(super) struct Probe {
    pub(super) client: Client,
    seen: Seen,
}

/// A client with all the application's settings: token, headers, subprotocols.
pub(super) fn builder(args: &DoctorArgs, url: &str) -> Result<Builder, Failure> {
    let mut builder = bare(args, url)?;
    for header in &args.headers {
        builder = builder.header(&header.name, &header.value);
    }
    for name in &args.subprotocols {
        builder = builder.subprotocol(name);
    }
    Ok(token::attach(builder, &args.token))
}

/// A client without the application's token, headers and subprotocols.
pub(super) fn bare(args: &DoctorArgs, url: &str) -> Result<Builder, Failure> {
    Ok(args.network.read()?.apply(Client::builder(url)).connect_timeout(args.timeout))
}

impl Probe {
    /// Connects; returns the subprotocol, or why there is no connection.
    pub(super) async fn open(builder: Builder) -> Result<(Self, Result<Option<String>, Cause>), Failure> {
        let seen = Seen::default();
        let watcher = seen.clone();
        let client = builder
            .watch_certificates(move |chain| watcher.remember(chain))
            .max_attempts(1)
            .connect_on_build(false)
            .build()
            .map_err(|error| Failure::new(Exit::Failed, args::in_options(&error)))?;
        client.connect();
        let outcome = outcome(&client).await;
        Ok((Self { client, seen }, outcome))
    }

    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.seen.certificate()
    }

    /// Closes the connection; an error of the close is ignored.
    pub(super) async fn close(self, limit: Duration) {
        let _ = self.client.close(LEAVING.min(limit)).await;
    }
}

/// The longest time for the closing handshake.
const LEAVING: Duration = Duration::from_secs(2);

/// Waits for the connection; returns the subprotocol, or why there is no connection.
pub(super) async fn outcome(client: &Client) -> Result<Option<String>, Cause> {
    let mut states = client.watch_state();
    loop {
        let state = states.borrow_and_update().clone();
        if let Some(cause) = end(&state) {
            return Err(cause);
        }
        if let State::Connected { subprotocol, .. } = state {
            return Ok(subprotocol);
        }
        // An error would mean that the client was dropped, and it is borrowed here.
        let _ = states.changed().await;
    }
}

/// Why the last connection or attempt has ended, if the state has a cause.
pub(super) fn end(state: &State) -> Option<Cause> {
    match state {
        State::Closed(Closed::Refused(cause) | Closed::GaveUp { last: cause, .. })
        | State::Disconnected { cause, .. } => Some(cause.clone()),
        State::Closed(Closed::ByPeer(frame)) => Some(Cause::PeerClosed(frame.clone())),
        _ => None,
    }
}
