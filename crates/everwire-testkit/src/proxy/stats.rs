//! Figures.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

/// The counts of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Stats {
    /// Connections that clients opened, those included that were reset at once.
    pub connections: u64,
    /// Connections of which a side is still open.
    pub open: usize,
    /// Connections that were reset at once, by a rule or because too many were open. Those that a closed port refused are
    /// not seen.
    pub refused: u64,
    /// Connections for which the server could not be reached.
    pub unreachable: u64,
    /// Bytes that were handed to the server.
    pub to_server: u64,
    /// Bytes that were handed to clients.
    pub to_client: u64,
    /// The number of times that rules began to act, by fault.
    pub faults: BTreeMap<&'static str, u64>,
}

/// A connection that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct OpenConnection {
    /// Its number.
    pub connection: u64,
    /// The address that it comes from.
    pub client: SocketAddr,
    /// Bytes that were handed to the server.
    pub to_server: u64,
    /// Bytes that were handed to the client.
    pub to_client: u64,
}
