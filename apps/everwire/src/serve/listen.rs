//! The port, and what to do if it can't be bound.

use std::io::ErrorKind;
use std::net::SocketAddr;

use everwire_chat_server::ListenError;
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};

/// The server's protection from strangers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guarded {
    pub(super) tls: bool,
    pub(super) auth: bool,
    /// Whether users authenticate by tokens of another issuer.
    pub(super) tokens: bool,
}

impl Guarded {
    /// The protection that is missing, in words.
    pub(super) fn missing(self) -> Option<&'static str> {
        match (self.tls, self.auth) {
            (true, true) => None,
            (true, false) => Some("no authentication"),
            (false, true) => Some("no TLS"),
            (false, false) => Some("no TLS and no authentication"),
        }
    }
}

/// Binds the chat's port. Without TLS and authentication, an address that other machines can reach has to be allowed.
///
/// # Errors
/// One line that says what failed and what to do.
pub(super) async fn listen(address: SocketAddr, allow_remote: bool, guarded: Guarded) -> Result<TcpListener, Failure> {
    if let Some(missing) = guarded.missing()
        && !address.ip().is_loopback()
        && !allow_remote
    {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and there is {missing}: add --auth and --tls-cert, \
             listen on 127.0.0.1, or add --allow-remote if this is intended (for instance behind a proxy with TLS)"
        )));
    }
    bind(address).await
}

/// Binds the port of any server with the option `--listen`.
///
/// # Errors
/// One line that says what failed and what to do.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    everwire_chat_server::listen(address).await.map_err(|error| Failure::new(Exit::Failed, problem(&error)))
}

/// Binds the port for metrics and health checks.
///
/// # Errors
/// One line that says what failed and what to do.
pub(super) async fn listen_for_admin(address: SocketAddr, allow_remote: bool) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() && !allow_remote {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and --admin-listen has no authentication: listen on 127.0.0.1, \
             or add --allow-remote if this is intended"
        )));
    }
    let failed = |error: ListenError| Failure::new(Exit::Failed, problem(&error).replace("--listen", "--admin-listen"));
    everwire_chat_server::listen(address).await.map_err(failed)
}

fn problem(error: &ListenError) -> String {
    match error.source.kind() {
        ErrorKind::AddrInUse | ErrorKind::PermissionDenied | ErrorKind::AddrNotAvailable => {
            format!("{error}; --listen ADDRESS:PORT sets both")
        }
        _ => format!("{error}: {}", error.source),
    }
}

#[cfg(test)]
mod tests {
    use super::{Guarded, listen};
    use crate::exit::Exit;

    #[tokio::test]
    async fn other_machines_are_admitted_only_on_request() {
        let refused = listen("0.0.0.0:0".parse().unwrap(), false, Guarded::default()).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.line.contains("no TLS and no authentication") && refused.line.contains("--allow-remote"));
        let guarded = Guarded { tls: true, auth: true, ..Guarded::default() };
        assert!(listen("0.0.0.0:0".parse().unwrap(), false, guarded).await.is_ok());
    }

    #[tokio::test]
    async fn the_error_about_a_port_in_use_says_what_to_do() {
        let taken = listen("127.0.0.1:0".parse().unwrap(), false, Guarded::default()).await.unwrap();
        let address = taken.local_addr().unwrap();
        let refused = listen(address, false, Guarded::default()).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Failed);
        let port = format!("port {} on 127.0.0.1 is in use", address.port());
        assert!(refused.line.contains(&port) && refused.line.contains("--listen"), "{}", refused.line);
    }
}
