//! From settings to a running client.

use std::sync::Arc;

use everwire_core::{ConfigError, Input, Machine};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use super::{BuildError, Builder};
use crate::Client;
use crate::driver::{Driver, Plan, Tls};
use crate::inbox::Bounds;
use crate::shared::Shared;
use crate::target::Target;

impl Builder {
    /// Checks all settings and starts the client on the current tokio runtime. It connects in the
    /// background; that the server can't be reached is no error here.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; nothing has been started then.
    pub fn build(self) -> Result<Client, BuildError> {
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let target = Target::parse(&self.url).map_err(BuildError::Url)?;
        check_inbox(self.inbox)?;
        let tls = Tls::new(self.tls);
        if target.is_secure() {
            tls.prepare().map_err(BuildError::Tls)?;
        }
        let url = target.for_log();
        let headers = headers(&self.headers)?;
        let plan = Plan::new(target, headers, self.subprotocols, self.hook, tls, self.websocket);
        plan.check().map_err(BuildError::Header)?;

        let batching = self.config.batching.is_some();
        let machine = Machine::new(self.config, seed()?).map_err(BuildError::Setting)?;
        let shared = Arc::new(Shared::new(machine, batching, self.inbox));
        if self.connect {
            shared.tell(Input::Connect);
        }
        runtime.spawn(Driver::new(Arc::clone(&shared), plan, url));
        Ok(Client::new(shared))
    }
}

fn check_inbox(bounds: Bounds) -> Result<(), BuildError> {
    let setting = match bounds {
        Bounds { messages: 0, .. } => "inbox.messages",
        Bounds { bytes: 0, .. } => "inbox.bytes",
        _ => return Ok(()),
    };
    let problem = "must be at least 1, or nothing could ever be received".to_owned();
    Err(BuildError::Setting(ConfigError { setting, problem }))
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        // The value is not repeated: it may be secret.
        let parsed = name
            .parse::<HeaderName>()
            .map_err(|_| BuildError::Header(format!("`{}` is not a header's name", name.escape_debug())))?;
        let value = value.parse::<HeaderValue>().map_err(|_| {
            BuildError::Header(format!(
                "the value of header `{name}` contains a line break or another control character"
            ))
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

fn seed() -> Result<[u8; 32], BuildError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| BuildError::NoRandomness(error.to_string()))?;
    Ok(seed)
}
