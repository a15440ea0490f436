//! The port, and what to do when it can't be had.

use std::io::ErrorKind;
use std::net::SocketAddr;

use everwire_chat_server::ListenError;
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};

/// # Errors
/// One line that says why not and what to do.
pub(super) async fn listen(address: SocketAddr, allow_remote: bool) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() && !allow_remote {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and there is no TLS and no authentication yet; \
             listen on 127.0.0.1, or say --allow-remote if everybody who reaches it may join"
        )));
    }
    everwire_chat_server::listen(address).await.map_err(|error| Failure::new(Exit::Failed, problem(&error)))
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
    use super::listen;
    use crate::exit::Exit;

    #[tokio::test]
    async fn others_are_let_in_only_on_request() {
        let refused = listen("0.0.0.0:0".parse().unwrap(), false).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.line.contains("no TLS and no authentication") && refused.line.contains("--allow-remote"));
    }

    #[tokio::test]
    async fn a_port_in_use_comes_with_what_to_do() {
        let taken = listen("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
        let address = taken.local_addr().unwrap();
        let refused = listen(address, false).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Failed);
        let port = format!("port {} on 127.0.0.1 is in use", address.port());
        assert!(refused.line.contains(&port) && refused.line.contains("--listen"), "{}", refused.line);
    }
}
