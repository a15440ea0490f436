//! One attempt: from the request hook to an open WebSocket.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everwire_core::{Attempt, Cause, Input, OpenFailure, Phase, TransportEvent};
use everwire_tokio::{OpenError, Socket};
use everwire_ws::Config;
use everwire_ws::handshake::{ClientHandshake, HandshakeError};
use http::{HeaderMap, Request};

use super::connector::Connector;
use super::failure;
use super::stream::Stream;
use super::tls::Tls;
use crate::AttemptRequest;
use crate::shared::Shared;
use crate::target::Target;

pub(crate) type Hook =
    Box<dyn Fn(AttemptRequest) -> BoxFuture<Result<AttemptRequest, Box<dyn Error + Send + Sync>>> + Send + Sync>;

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What every attempt starts from.
pub(crate) struct Plan {
    target: Target,
    headers: HeaderMap,
    subprotocols: Vec<String>,
    hook: Option<Hook>,
    tls: Tls,
    websocket: Config,
    connector: Connector,
}

/// An attempt that has succeeded.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) socket: Socket<Stream>,
    pub(super) subprotocol: Option<String>,
}

/// Which attempt this is.
#[derive(Debug)]
pub(super) struct Which {
    pub(super) attempt: Attempt,
    /// As users count.
    pub(super) number: u32,
    pub(super) last_cause: Option<Cause>,
}

impl Plan {
    pub(crate) fn new(
        target: Target,
        headers: HeaderMap,
        subprotocols: Vec<String>,
        hook: Option<Hook>,
        tls: Tls,
        websocket: Config,
    ) -> Self {
        Self { target, headers, subprotocols, hook, tls, websocket, connector: Connector::new() }
    }

    /// Whether a request can be made of it, as far as no hook changes it.
    pub(crate) fn check(&self) -> Result<(), String> {
        match handshake(&self.target, self.headers.clone(), &self.subprotocols, [0; 16]) {
            Ok(_) => Ok(()),
            Err(HandshakeError::BadRequest(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Dropping the future abandons the attempt.
    pub(super) async fn dial(self: Arc<Self>, which: Which, shared: Arc<Shared>) -> Result<Opened, OpenFailure> {
        let reached = |phase| shared.tell(Input::Transport(which.attempt, TransportEvent::Reached(phase)));
        let request = self.request(which.number, which.last_cause).await?;
        let target = match request.url == self.target.uri {
            true => self.target.clone(),
            false => Target::check(&request.url).map_err(failure::bad_request)?,
        };
        let nonce = random()?;
        let handshake = handshake(&target, request.headers, &request.subprotocols, nonce)
            .map_err(|error| failure::upgrade(OpenError::Handshake(error), self.hook.is_some()))?;
        let handshake = match self.websocket.compression {
            Some(settings) => handshake.compression(settings),
            None => handshake,
        };

        reached(Phase::Tcp);
        let tcp = self.connector.connect(&target).await?;
        let stream = if target.is_secure() {
            reached(Phase::Tls);
            Stream::tls(self.tls.connect(tcp, &target).await?)
        } else {
            Stream::plain(tcp)
        };

        reached(Phase::Upgrade);
        match everwire_tokio::client(stream, handshake, self.websocket.clone(), random()?).await {
            Ok((socket, accepted)) => Ok(Opened { socket, subprotocol: accepted.subprotocol }),
            Err(error) => Err(failure::upgrade(error, self.hook.is_some())),
        }
    }

    async fn request(&self, attempt: u32, last_cause: Option<Cause>) -> Result<AttemptRequest, OpenFailure> {
        let request = AttemptRequest {
            url: self.target.uri.clone(),
            headers: self.headers.clone(),
            subprotocols: self.subprotocols.clone(),
            attempt,
            last_cause,
        };
        match &self.hook {
            None => Ok(request),
            Some(hook) => hook(request).await.map_err(|error| failure::hook(&*error)),
        }
    }
}

fn handshake(
    target: &Target,
    headers: HeaderMap,
    subprotocols: &[String],
    nonce: [u8; 16],
) -> Result<ClientHandshake, HandshakeError> {
    let mut request = Request::new(());
    *request.uri_mut() = target.uri.clone();
    *request.headers_mut() = headers;
    ClientHandshake::new(&request, subprotocols, nonce)
}

fn random<const N: usize>() -> Result<[u8; N], OpenFailure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| failure::io(Phase::Request, format!("the operating system gives no randomness: {error}")))?;
    Ok(bytes)
}
