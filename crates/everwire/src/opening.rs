//! How a connection was opened.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use everwire_core::Milliseconds;

/// The way a connection was opened, and how long each phase took;
/// [`Stats::opening`](crate::Stats::opening) has that of the last one.
///
/// A phase that was gone through several times (redirects) has the sum of its times. `Display` writes it in one line,
/// without secrets.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = doc_server().await;
/// use everwire::{Client, State};
///
/// let client = Client::builder(url).build()?;
/// client.watch_state().wait_for(State::is_connected).await?;
///
/// let opening = client.stats().opening.expect("it is connected");
/// assert!(opening.tcp + opening.upgrade <= opening.total);
/// assert_eq!((opening.proxy, opening.tls), (None, None));
/// println!("{opening}"); // for example: 1.2 ms: tcp 0.1 ms, upgrade 1.0 ms
/// # Ok(()) }
/// # async fn doc_server() -> String {
/// #     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// #     let url = format!("ws://{}/", listener.local_addr().unwrap());
/// #     tokio::spawn(async move {
/// #         let (stream, _) = listener.accept().await.unwrap();
/// #         let _socket = tokio_tungstenite::accept_async(stream).await.unwrap();
/// #         std::future::pending::<()>().await;
/// #     });
/// #     url
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opening {
    /// The time from the attempt's start to the open WebSocket.
    pub total: Duration,
    /// Making the request, the hook of [`Builder::before_attempt`](crate::Builder::before_attempt) included.
    pub request: Duration,
    /// Resolving names; `None` where addresses were given, and where the proxy resolved the only name.
    pub dns: Option<Duration>,
    /// Making the TCP connection to the server or the proxy.
    pub tcp: Duration,
    /// Getting a tunnel through the proxy, TLS with an `https` proxy included; `None` without a proxy.
    pub proxy: Option<Duration>,
    /// The TLS handshake with the server; `None` with `ws`.
    pub tls: Option<Duration>,
    /// The WebSocket opening handshake (RFC 6455 section 4.1), those that ended in a redirect included.
    pub upgrade: Duration,
    /// The hook of [`Builder::on_open`](crate::Builder::on_open); `None` without one.
    pub on_open: Option<Duration>,
    /// Redirects that were followed.
    pub redirects: u8,
    /// The URL that was connected to in the end, without user, password and query.
    pub url: String,
    /// The proxy, like `http://proxy.example:3128`, without user and password.
    pub via: Option<String>,
    /// The other end of the TCP connection: the server, or the proxy. `None` if the connection was lost at once.
    pub address: Option<SocketAddr>,
    /// The version of TLS.
    #[cfg(not(target_arch = "wasm32"))]
    pub tls_version: Option<rustls::ProtocolVersion>,
    /// The protocol that was agreed on by ALPN (RFC 7301), if anything was.
    pub alpn: Option<String>,
    /// The headers of the server's answer (RFC 6455 section 4.2.2); `Sec-WebSocket-Extensions` among them tells the
    /// compression that was agreed on. They may hold secrets, such as cookies.
    pub headers: http::HeaderMap,
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Milliseconds(self.total))?;
        let phases = [
            ("dns", self.dns),
            ("tcp", Some(self.tcp)),
            ("proxy", self.proxy),
            ("tls", self.tls),
            ("upgrade", Some(self.upgrade)),
            ("on_open", self.on_open),
        ];
        let mut before = ": ";
        for (name, time) in phases {
            if let Some(time) = time {
                write!(f, "{before}{name} {}", Milliseconds(time))?;
                before = ", ";
            }
        }
        if let Some(proxy) = &self.via {
            write!(f, ", by {proxy}")?;
        }
        match self.redirects {
            0 => Ok(()),
            1 => write!(f, ", redirected to {}", self.url),
            times => write!(f, ", redirected {times} times to {}", self.url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_reads_as_one_line() {
        let ms = Duration::from_millis;
        let mut opening = Opening {
            total: ms(12),
            request: ms(0),
            dns: None,
            tcp: ms(1),
            proxy: None,
            tls: None,
            upgrade: ms(2),
            on_open: None,
            redirects: 0,
            url: "wss://example.org/feed".into(),
            via: None,
            address: None,
            tls_version: None,
            alpn: None,
            headers: http::HeaderMap::new(),
        };
        assert_eq!(opening.to_string(), "12.0 ms: tcp 1.0 ms, upgrade 2.0 ms");
        opening.dns = Some(ms(3));
        opening.proxy = Some(ms(4));
        opening.tls = Some(Duration::from_micros(2345));
        opening.via = Some("http://proxy.example:3128".into());
        opening.redirects = 2;
        assert_eq!(
            opening.to_string(),
            "12.0 ms: dns 3.0 ms, tcp 1.0 ms, proxy 4.0 ms, tls 2.3 ms, upgrade 2.0 ms, by http://proxy.example:3128, \
             redirected 2 times to wss://example.org/feed"
        );
    }
}
