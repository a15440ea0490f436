//! Further checks after a failure whose cause may be a wrong scheme: of the server's address, or of the proxy's.

use std::net::SocketAddr;
use std::time::Duration;

use everwire::{Builder, OpenFailure, OpenFailureKind, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Probe, bare};
use super::reach::Place;
use crate::args::DoctorArgs;
use crate::exit::Failure;

/// Advice to use another scheme, if a check shows that this one is wrong.
pub(super) async fn look(
    args: &DoctorArgs,
    failure: &OpenFailure,
    server: &Place,
    proxy: Option<&str>,
    first: &[SocketAddr],
) -> Result<Option<String>, Failure> {
    match (failure.phase, proxy) {
        (Phase::Upgrade, _) if !server.secure && may_be_tls(failure) => {
            let url = format!("wss://{}/", server.host_and_port());
            let speaks = speaks_tls(bare(args, &url)?, args.timeout).await?;
            Ok(speaks.then(|| format!("port {} speaks TLS: use wss:// instead of ws://", server.port)))
        }
        (Phase::Proxy, Some(proxy)) if may_be_another_kind(&failure.kind) => {
            Ok(other_kind(proxy, server, first, args.timeout.min(GLANCE)).await)
        }
        _ => Ok(None),
    }
}

/// Whether a failure is one that servers with TLS cause when the request is not encrypted: status 400 (nginx, Apache, Caddy,
/// Go), an end of the stream (HAProxy), a reset (stunnel), or a TLS alert.
pub(crate) fn may_be_tls(failure: &OpenFailure) -> bool {
    let kinds = matches!(
        failure.kind,
        OpenFailureKind::Io | OpenFailureKind::NotWebSocket | OpenFailureKind::Refused { status: 400, .. }
    );
    failure.phase == Phase::Upgrade && kinds
}

fn may_be_another_kind(kind: &OpenFailureKind) -> bool {
    matches!(kind, OpenFailureKind::Io | OpenFailureKind::NotWebSocket | OpenFailureKind::Timeout)
}

/// The longest time for such a check.
const GLANCE: Duration = Duration::from_secs(2);

/// Whether the server of this client presents a certificate.
///
/// # Errors
/// If the client can't be built.
pub(crate) async fn speaks_tls(builder: Builder, limit: Duration) -> Result<bool, Failure> {
    let limit = limit.min(GLANCE);
    let (probe, _) = Probe::open(builder.connect_timeout(limit)).await?;
    let speaks = probe.certificate().is_some();
    probe.close(limit).await;
    Ok(speaks)
}

async fn other_kind(proxy: &str, server: &Place, first: &[SocketAddr], limit: Duration) -> Option<String> {
    let (_, place) = proxy.split_once("://")?;
    if proxy.starts_with("socks") {
        let place_asked = server.host_and_port();
        let request = format!("CONNECT {place_asked} HTTP/1.1\r\nHost: {place_asked}\r\n\r\n");
        let answer = exchange(first, request.as_bytes(), limit).await?;
        answer.starts_with(b"HTTP/").then(|| format!("{place} is an HTTP proxy: write http://{place}"))
    } else {
        // RFC 1928 section 3: version 5, one method, no authentication.
        let answer = exchange(first, &[5, 1, 0], limit).await?;
        answer.starts_with(&[5]).then(|| format!("{place} is a SOCKS 5 proxy: write socks5h://{place}"))
    }
}

/// Sends these bytes, and returns the first bytes of the answer.
async fn exchange(addresses: &[SocketAddr], say: &[u8], limit: Duration) -> Option<Vec<u8>> {
    let talk = async {
        let mut stream = TcpStream::connect(addresses).await.ok()?;
        stream.write_all(say).await.ok()?;
        let mut answer = vec![0; 64];
        let length = stream.read(&mut answer).await.ok()?;
        answer.truncate(length);
        Some(answer)
    };
    timeout(limit, talk).await.ok().flatten()
}
