//! One attempt: from the request hook to an open WebSocket.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use everwire_core::session::SUBPROTOCOL;
use everwire_core::{Cause, Input, OpenFailure, Phase};
use everwire_tokio::{OpenError, Socket};
use everwire_ws::Config;
use everwire_ws::handshake::{Accepted, ClientHandshake, HandshakeError, HeaderCase};
use http::header::{SERVER, USER_AGENT, VIA};
use http::{HeaderMap, HeaderValue, Request};

use super::failure;
use super::future::BoxFuture;
use super::redirect::Redirects;
use super::route::{Reached, Routes};
use super::stopwatch::{Stopwatch, Times};
use super::stream::{Stream, Terms};
use super::tls;
use crate::driver::attempt::{Which, offered};
use crate::driver::log;
use crate::driver::secrets::Secrets;
use crate::driver::text_pings::TextPings;
use crate::hook_error;
use crate::network_hints::Listener;
use crate::on_open::{Fresh, Leave, OnOpen};
use crate::shared::Shared;
use crate::target::Target;
use crate::{AttemptRequest, Opening};

pub(crate) type Hook =
    Box<dyn Fn(AttemptRequest) -> BoxFuture<Result<AttemptRequest, Box<dyn Error + Send + Sync>>> + Send + Sync>;

/// What every attempt starts from.
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    /// How their names are written.
    pub(crate) header_case: HeaderCase,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) hook: Option<Hook>,
    pub(crate) on_open: Option<OnOpen>,
    /// What asks for a sign of life, and what answers, where pings of the protocol are not to be sent.
    pub(crate) text_pings: Option<(String, String)>,
    pub(crate) routes: Routes,
    /// Redirects that one attempt follows.
    pub(crate) max_redirects: u8,
    pub(crate) websocket: Config,
    /// Messages of more bytes go in fragments.
    pub(crate) fragment_above: Option<usize>,
    /// The network's changes, until the driver listens to them.
    pub(crate) hints: Option<Listener>,
}

/// An attempt that has succeeded.
#[derive(Debug)]
pub(in crate::driver) struct Opened {
    pub(in crate::driver) socket: Socket<Stream>,
    pub(in crate::driver) subprotocol: Option<String>,
    pub(in crate::driver) text_pings: Option<TextPings>,
    pub(in crate::driver) fragment_above: Option<usize>,
    pub(in crate::driver) secrets: Secrets,
}

impl Plan {
    /// Whether a request can be made of it, as far as no hook changes it.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.handshake(&self.target, self.headers.clone(), &self.subprotocols, [0; 16]) {
            Ok(_) => Ok(()),
            Err(HandshakeError::BadRequest(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Dropping the future abandons the attempt.
    pub(in crate::driver) async fn dial(
        self: Arc<Self>,
        which: Which,
        shared: Arc<Shared>,
    ) -> Result<Opened, OpenFailure> {
        let (attempt, teller) = (which.attempt, Arc::clone(&shared));
        let stopwatch = Stopwatch::start(move |event| teller.tell(Input::Transport(attempt, event)));
        let Which { number, plain, last_cause, .. } = which;
        if number > 1 || matches!(last_cause, Some(Cause::Dead { .. })) {
            self.routes.doubt_latest();
        }
        let AttemptRequest { url, mut headers, subprotocols, .. } =
            self.request(number, plain, last_cause.clone()).await?;
        let mut target = match url == self.target.uri {
            true => self.target.clone(),
            false => Target::check(&url).map_err(failure::bad_request)?,
        };
        let mut redirects = Redirects::new(self.max_redirects, &target);
        let mut secrets = Secrets::of_request(&target.uri, &headers, &subprotocols);
        loop {
            let handshake = self
                .handshake(&target, headers.clone(), &subprotocols, random()?)
                .map_err(|error| failure::upgrade(OpenError::Handshake(error), self.hook.is_some(), &secrets))?;
            let Reached { stream, via, address, trial } = self.routes.reach(&target, &stopwatch).await?;
            stopwatch.enter(Phase::Upgrade);
            match everwire_tokio::client(stream, handshake, self.websocket.clone(), random()?).await {
                Ok((mut socket, Accepted { subprotocol, response, .. })) => {
                    let terms = socket.get_ref().tls_terms();
                    if let Some(hook) = &self.on_open {
                        stopwatch.enter(Phase::OnOpen);
                        let subprotocol = subprotocol.clone();
                        let leave = Leave(Arc::clone(&shared));
                        let fresh = Fresh { socket, subprotocol, attempt: number, last_cause, leave };
                        socket = match hook(fresh).await {
                            Ok(socket) => socket,
                            Err(failure) => return Err(trial.failed(secrets.hide_in_failure(failure), &stopwatch)),
                        };
                    }
                    trial.succeeded();
                    let mut opening = opening(&stopwatch.stop(), redirects.followed(), &target, via, address, terms);
                    opening.headers = response.into_parts().0.headers;
                    secrets.hide_in_headers(&mut opening.headers, &[SERVER, VIA]);
                    log::opening(&self.target.for_log(), &opening);
                    shared.lock().opening = Some(opening);
                    // In a session each text has its meaning.
                    let plain = subprotocol.as_deref() != Some(SUBPROTOCOL);
                    let text_pings = self.text_pings.clone().filter(|_| plain).map(TextPings::new);
                    let fragment_above = self.fragment_above;
                    return Ok(Opened { socket, subprotocol, text_pings, fragment_above, secrets });
                }
                Err(OpenError::Handshake(HandshakeError::Refused(refused))) if redirects.concerns(&refused) => {
                    trial.succeeded();
                    target = redirects
                        .follow(&target, &refused, &mut headers)
                        .map_err(|not_followed| failure::redirect(&refused, &not_followed, &secrets))?;
                    secrets.add_request(&target.uri, &headers);
                }
                Err(error) => {
                    let refused = if let OpenError::Io(error) = &error { tls::refused_by_alert(error) } else { None };
                    let failure = refused.unwrap_or_else(|| failure::upgrade(error, self.hook.is_some(), &secrets));
                    return Err(trial.failed(failure, &stopwatch));
                }
            }
        }
    }

    async fn request(
        &self,
        attempt: u32,
        plain: bool,
        last_cause: Option<Cause>,
    ) -> Result<AttemptRequest, OpenFailure> {
        let request = AttemptRequest {
            url: self.target.uri.clone(),
            headers: self.headers.clone(),
            subprotocols: offered(&self.subprotocols, plain),
            attempt,
            last_cause,
        };
        match &self.hook {
            None => Ok(request),
            Some(hook) => hook(request).await.map_err(|error| hook_error::failure(Phase::Request, &*error)),
        }
    }

    fn handshake(
        &self,
        target: &Target,
        headers: HeaderMap,
        subprotocols: &[String],
        nonce: [u8; 16],
    ) -> Result<ClientHandshake, HandshakeError> {
        let mut request = Request::new(());
        *request.uri_mut() = target.uri.clone();
        *request.headers_mut() = headers;
        request.headers_mut().entry(USER_AGENT).or_insert(OURS);
        request.extensions_mut().insert(self.header_case.clone());
        let handshake = ClientHandshake::new(&request, subprotocols, nonce)?;
        Ok(match self.websocket.compression {
            Some(settings) => handshake.compression(settings),
            None => handshake,
        })
    }
}

/// Who asks, unless the user says otherwise.
const OURS: HeaderValue = HeaderValue::from_static(concat!("everwire/", env!("CARGO_PKG_VERSION")));

fn opening(
    times: &Times,
    redirects: u8,
    target: &Target,
    via: Option<String>,
    address: Option<SocketAddr>,
    terms: Option<Terms>,
) -> Opening {
    let (tls_version, alpn) = terms.map_or((None, None), |terms| (terms.version, terms.alpn));
    Opening {
        total: times.total,
        request: times.of(Phase::Request).unwrap_or_default(),
        dns: times.of(Phase::Dns),
        tcp: times.of(Phase::Tcp).unwrap_or_default(),
        proxy: times.of(Phase::Proxy),
        tls: times.of(Phase::Tls),
        upgrade: times.of(Phase::Upgrade).unwrap_or_default(),
        on_open: times.of(Phase::OnOpen),
        redirects,
        url: target.for_log(),
        via,
        address,
        tls_version,
        alpn,
        headers: HeaderMap::new(),
    }
}

fn random<const N: usize>() -> Result<[u8; N], OpenFailure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| failure::io(Phase::Request, format!("the operating system gives no randomness: {error}")))?;
    Ok(bytes)
}
