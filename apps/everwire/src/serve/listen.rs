//! The port, and what to do when it can't be had.

use std::io::ErrorKind;
use std::net::SocketAddr;

use everwire_chat_server::ListenError;
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};

/// What keeps strangers out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guarded {
    pub(super) tls: bool,
    pub(super) auth: bool,
    /// By tokens of somebody else.
    pub(super) tokens: bool,
}

impl Guarded {
    /// What is missing, in words.
    pub(super) fn missing(self) -> Option<&'static str> {
        match (self.tls, self.auth) {
            (true, true) => None,
            (true, false) => Some("no authentication"),
            (false, true) => Some("no TLS"),
            (false, false) => Some("no TLS and no authentication"),
        }
    }
}

/// # Errors
/// One line that says why not and what to do.
pub(super) async fn listen(address: SocketAddr, allow_remote: bool, guarded: Guarded) -> Result<TcpListener, Failure> {
    if let Some(missing) = guarded.missing()
        && !address.ip().is_loopback()
        && !allow_remote
    {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and there is {missing}: add --auth and --tls-cert, \
             listen on 127.0.0.1, or say --allow-remote if that is meant (behind a proxy with TLS, say)"
        )));
    }
    bind(address).await
}

/// For any server that is told its address by `--listen`.
///
/// # Errors
/// One line that says why not and what to do.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    everwire_chat_server::listen(address).await.map_err(|error| Failure::new(Exit::Failed, problem(&error)))
}

/// For those who watch the server.
///
/// # Errors
/// One line that says why not and what to do.
pub(super) async fn listen_for_admin(address: SocketAddr, allow_remote: bool) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() && !allow_remote {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and --admin-listen asks nobody who they are: listen on 127.0.0.1, \
             or say --allow-remote if that is meant"
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
    async fn others_are_let_in_only_on_request() {
        let refused = listen("0.0.0.0:0".parse().unwrap(), false, Guarded::default()).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.line.contains("no TLS and no authentication") && refused.line.contains("--allow-remote"));
        let guarded = Guarded { tls: true, auth: true, ..Guarded::default() };
        assert!(listen("0.0.0.0:0".parse().unwrap(), false, guarded).await.is_ok());
    }

    #[tokio::test]
    async fn a_port_in_use_comes_with_what_to_do() {
        let taken = listen("127.0.0.1:0".parse().unwrap(), false, Guarded::default()).await.unwrap();
        let address = taken.local_addr().unwrap();
        let refused = listen(address, false, Guarded::default()).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Failed);
        let port = format!("port {} on 127.0.0.1 is in use", address.port());
        assert!(refused.line.contains(&port) && refused.line.contains("--listen"), "{}", refused.line);
    }
}
