//! HTTP requests to the chat's server, by the same network path as its WebSocket.

use std::time::Duration;

use everwire::Client;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::args::{ConnectionArgs, Network};
use crate::exit::Failure;
use crate::token::Problem;

/// The longest time for one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest response, in bytes.
const LONGEST: usize = 64 << 10;

/// A server, and how to reach it: proxy, roots, client certificate, pins and headers are those of the WebSocket.
#[derive(Clone, Debug)]
pub(super) struct Server {
    url: String,
    authority: String,
    /// Put before the path of each request.
    base_path: String,
    base: String,
    network: Network,
    connection: ConnectionArgs,
}

impl Server {
    /// # Errors
    /// One line: the address names no host, or a password sent there could be read on the way.
    pub(super) fn new(url: &str, network: Network, connection: ConnectionArgs) -> Result<Self, Failure> {
        let base = base(url)?;
        let Parts { authority, base_path, .. } = parts(url)?;
        Ok(Self { url: url.to_owned(), authority, base_path, base, network, connection })
    }

    /// The same for requests without a password: they may go unencrypted if the chat itself does.
    ///
    /// # Errors
    /// One line: the address names no host.
    pub(super) fn of_chat(url: &str, network: Network, connection: ConnectionArgs) -> Result<Self, Failure> {
        let Parts { scheme, authority, base_path, .. } = parts(url)?;
        let base = format!("{scheme}://{authority}{base_path}");
        Ok(Self { url: url.to_owned(), authority, base_path, base, network, connection })
    }

    /// The address for HTTP: for `ws://host/below/ws?…` it is `http://host/below`.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Sends JSON, and returns the status and the body. Nothing is sent to a server that the WebSocket would not connect
    /// to, and no redirect is followed.
    ///
    /// # Errors
    /// If there was no answer in time.
    pub(super) async fn post(&self, path: &str, json: String) -> Result<(StatusCode, Vec<u8>), Problem> {
        let mut request = self.request(Method::POST, path, json)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.ask(request).await
    }

    /// Sends a GET request, with this bearer token, and returns the status and the body.
    ///
    /// # Errors
    /// If there was no answer in time.
    pub(super) async fn get(&self, path: &str, token: Option<&str>) -> Result<(StatusCode, Vec<u8>), Problem> {
        let mut request = self.request(Method::GET, path, String::new())?;
        if let Some(token) = token {
            let mut bearer: HeaderValue = format!("Bearer {token}").parse()?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        self.ask(request).await
    }

    async fn ask(&self, request: Request<String>) -> Result<(StatusCode, Vec<u8>), Problem> {
        match timeout(PATIENCE, self.send(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs()).into()),
        }
    }

    async fn send(&self, request: Request<String>) -> Result<(StatusCode, Vec<u8>), Problem> {
        let stream = self.network.apply(Client::builder(&self.url)).open_stream().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let asked = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LONGEST).collect().await?;
            Ok((status, body.to_bytes().to_vec()))
        };
        // The connection is driven here and not in a task, so that nothing goes on when this future is dropped.
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => answer,
            ended = connection => {
                ended?;
                asked.await
            }
        }
    }

    fn request(&self, method: Method, path: &str, body: String) -> Result<Request<String>, Problem> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base_path)).body(body)?;
        let headers = request.headers_mut();
        for header in &self.connection.headers {
            let mut value: HeaderValue = header.value.parse()?;
            value.set_sensitive(true);
            headers.append(header.name.parse::<HeaderName>()?, value);
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("everwire/", env!("CARGO_PKG_VERSION"))));
        if let Some(credentials) = credentials(&self.url) {
            headers.entry(AUTHORIZATION).or_insert(credentials);
        }
        headers.entry(HOST).or_insert(self.authority.parse()?);
        Ok(request)
    }
}

/// The user and password in the URL, as the opening request sends them.
fn credentials(url: &str) -> Option<HeaderValue> {
    use base64::Engine;
    let uri: http::Uri = url.parse().ok()?;
    let (user, _) = uri.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = |part| percent_encoding::percent_decode_str(part);
    let pair: Vec<u8> = decoded(user).chain(*b":").chain(decoded(password)).collect();
    let mut value: HeaderValue =
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)).parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The address for HTTP of a chat's address, if a password may be sent there.
pub(super) fn base(url: &str) -> Result<String, Failure> {
    let Parts { scheme, authority, base_path, host, is_private } = parts(url)?;
    if !is_private {
        return Err(Failure::usage(format!("a password sent to {host} would not be encrypted: use wss://")));
    }
    Ok(format!("{scheme}://{authority}{base_path}"))
}

/// The parts of an address.
struct Parts {
    /// `http` or `https`.
    scheme: &'static str,
    /// The host with its port.
    authority: String,
    /// The path without its last segment.
    base_path: String,
    host: String,
    /// The connection is encrypted, or does not leave this machine.
    is_private: bool,
}

fn parts(url: &str) -> Result<Parts, Failure> {
    let uri: http::Uri = url.parse().map_err(|error| Failure::usage(format!("'{url}': {error}")))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_tls = uri.scheme_str() == Some("wss");
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    let base_path = uri.path().rsplit_once('/').map_or("", |(base_path, _)| base_path);
    Ok(Parts {
        scheme: if is_tls { "https" } else { "http" },
        authority: authority.to_owned(),
        base_path: base_path.to_owned(),
        host,
        is_private: is_tls || is_here,
    })
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn a_password_is_sent_over_tls_or_to_this_machine_only() {
        let base = |url| base(url).ok();
        assert_eq!(base("ws://127.0.0.1:8080/ws?room=a").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(base("ws://[::1]:8080/ws").as_deref(), Some("http://[::1]:8080"));
        assert_eq!(base("wss://ana:x@chat.example.org/ws").as_deref(), Some("https://chat.example.org"));
        assert_eq!(base("wss://chat.example.org/below/ws").as_deref(), Some("https://chat.example.org/below"));
        assert_eq!(base("ws://chat.example.org/ws"), None);
    }
}
