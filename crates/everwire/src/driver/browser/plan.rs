//! One attempt: from the request hook to an open WebSocket.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use everwire_core::{Cause, Input, OpenFailure, OpenFailureKind, Phase, RefusalReason, TransportEvent};
use http::HeaderMap;

use super::factory::SocketFactory;
use super::socket::Socket;
use crate::AttemptRequest;
use crate::driver::attempt::{Which, offered};
use crate::driver::secrets::Secrets;
use crate::hook_error;
use crate::on_open::{Fresh, Leave, OnOpen};
use crate::shared::Shared;
use crate::target::Target;

pub(crate) type Hook = Box<dyn Fn(AttemptRequest) -> HookFuture<Result<AttemptRequest, Box<dyn Error + Send + Sync>>>>;

pub(crate) type HookFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What every attempt starts from.
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) hook: Option<Hook>,
    pub(crate) on_open: Option<OnOpen>,
    /// What asks for a sign of life, and what answers.
    pub(crate) text_pings: Option<(String, String)>,
    /// What makes the sockets; none: the browser's constructor.
    pub(crate) factory: Option<SocketFactory>,
}

/// An attempt that has succeeded.
#[derive(Debug)]
pub(in crate::driver) struct Opened {
    pub(in crate::driver) socket: Socket,
    pub(in crate::driver) subprotocol: Option<String>,
    /// What the peer's words must not repeat.
    pub(in crate::driver) secrets: Secrets,
}

impl Plan {
    /// Dropping the future abandons the attempt. Of the phases the `Shared` hears only that there is a request: a page sees no
    /// others.
    pub(in crate::driver) async fn dial(
        self: Arc<Self>,
        which: Which,
        shared: Arc<Shared>,
    ) -> Result<Opened, OpenFailure> {
        let Which { attempt, number, plain, last_cause } = which;
        let AttemptRequest { url, headers, subprotocols, .. } = self.request(number, plain, last_cause.clone()).await?;
        shared.tell(Input::Transport(attempt, TransportEvent::Reached(Phase::Upgrade)));
        let target = Target::check(&url).map_err(bad_request)?;
        if !headers.is_empty() {
            return Err(bad_request(NO_HEADERS.to_owned()));
        }
        let (url, texts) = (target.uri.to_string(), self.text_pings.clone());
        let socket = Socket::connect(&url, &subprotocols, texts, self.factory.as_ref());
        let mut socket = socket.map_err(bad_request)?;
        let secrets = Secrets::of_page(&target.uri, &subprotocols);
        if poll_fn(|cx| socket.poll_open(cx)).await {
            let subprotocol = socket.subprotocol();
            if let Some(hook) = &self.on_open {
                let subprotocol = subprotocol.clone();
                let leave = Leave(Arc::clone(&shared));
                let fresh = Fresh { socket, subprotocol, attempt: number, last_cause, leave };
                socket = hook(fresh).await.map_err(|failure| secrets.hide_in_failure(failure))?;
            }
            return Ok(Opened { socket, subprotocol, secrets });
        }
        if let Some((status, retry_after)) = socket.refusal() {
            let kind = OpenFailureKind::Refused {
                status,
                retry_after,
                fresh_credentials: self.hook.is_some(),
                reason: RefusalReason::Status,
            };
            return Err(OpenFailure { phase: Phase::Upgrade, kind, detail: format!("HTTP {status}") });
        }
        let detail = "no connection; a browser does not say why (the server can't be reached, or refused)";
        Err(OpenFailure { phase: Phase::Upgrade, kind: OpenFailureKind::Io, detail: detail.to_owned() })
    }

    async fn request(
        &self,
        attempt: u32,
        plain: bool,
        last_cause: Option<Cause>,
    ) -> Result<AttemptRequest, OpenFailure> {
        let request = AttemptRequest {
            url: self.target.uri.clone(),
            headers: HeaderMap::new(),
            subprotocols: offered(&self.subprotocols, plain),
            attempt,
            last_cause,
        };
        match &self.hook {
            None => Ok(request),
            Some(hook) => hook(request).await.map_err(|error| hook_error::failure(Phase::Request, &*error)),
        }
    }
}

fn bad_request(detail: String) -> OpenFailure {
    OpenFailure { phase: Phase::Request, kind: OpenFailureKind::BadRequest, detail }
}

/// Why headers are refused.
pub(crate) const NO_HEADERS: &str = "a page can't set headers: put a token into a subprotocol or the URL's query";
