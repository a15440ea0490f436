//! Signing in with a password: the tokens that a chat server gives for it.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::kept::Kept;
use crate::args::NetworkArgs;
use crate::exit::{Exit, Failure};
use crate::token::Problem;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A token is not used in the last moments of its life.
const MARGIN: Duration = Duration::from_secs(30);

/// Who signs in, shared by all rooms.
#[derive(Clone)]
pub(super) struct SignIn(Arc<Mutex<Desk>>);

struct Desk {
    agent: Agent,
    /// The server's address for HTTP.
    base: String,
    user: String,
    /// `None`: a kept sign-in stands for it.
    password: Option<String>,
    current: Option<Current>,
    kept: Option<Kept>,
}

/// What the server gave last.
struct Current {
    token: String,
    until: Instant,
    refresh: String,
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
    expires_in: u64,
    refresh: String,
}

/// What came of a question.
enum Answer {
    Yes(SignedIn),
    /// In the server's words.
    No(String),
    Unknown(Problem),
}

impl SignIn {
    /// Takes up the sign-in that was kept in this folder, or asks for the password and signs in. Where the server can't
    /// be reached, that is done with the connection.
    ///
    /// # Errors
    /// One line: there is no password, it is refused, or it would be sent for everybody to read.
    pub(super) async fn start(
        url: &str,
        user: &str,
        network: &NetworkArgs,
        folder: Option<&Path>,
    ) -> Result<Self, Failure> {
        let base = http_base(url)?;
        let agent = agent(network)?;
        let kept = folder.map(|folder| Kept::in_folder(folder, &base, user));
        let refresh = kept.as_ref().and_then(Kept::read);
        let current = refresh.map(|refresh| Current { token: String::new(), until: Instant::now(), refresh });
        let mut desk = Desk { agent, base, user: user.to_owned(), password: None, current, kept };
        if let Answer::No(_) = desk.refresh().await {
            desk.password = Some(password(user)?);
            if let Answer::No(words) = desk.sign_in().await {
                return Err(Failure::new(Exit::Refused, format!("sign-in: {words}")));
            }
        }
        Ok(Self(Arc::new(Mutex::new(desk))))
    }

    /// A token for the next attempt; another one if the last was `refused`.
    pub(super) async fn token(&self, refused: bool) -> Result<String, Problem> {
        let mut desk = self.0.lock().await;
        if let Some(current) = &desk.current
            && !refused
            && Instant::now() + MARGIN < current.until
        {
            return Ok(current.token.clone());
        }
        let answer = match desk.refresh().await {
            Answer::No(_) => desk.sign_in().await,
            answer => answer,
        };
        match answer {
            Answer::Yes(SignedIn { token, .. }) => Ok(token),
            Answer::No(words) => Err(format!("sign-in: {words}").into()),
            Answer::Unknown(problem) => Err(problem),
        }
    }
}

impl Desk {
    async fn sign_in(&mut self) -> Answer {
        let Some(password) = &self.password else {
            return Answer::No("it is over; leave and start again to sign in".to_owned());
        };
        let credentials = json!({ "user": self.user, "password": password });
        self.ask("/api/sign-in", credentials).await
    }

    /// A refresh token is good once; but one whose use was not answered may be good still.
    async fn refresh(&mut self) -> Answer {
        let Some(mut current) = self.current.take() else { return Answer::No(String::new()) };
        // Another program of the same folder may have used ours and kept the next one.
        if let Some(kept) = self.kept.as_ref().and_then(Kept::read) {
            current.refresh = kept;
        }
        let answer = self.ask("/api/refresh", json!({ "refresh": current.refresh })).await;
        match &answer {
            Answer::Yes(_) => {}
            Answer::No(_) => self.kept.iter().for_each(Kept::forget),
            Answer::Unknown(_) => self.current = Some(Current { until: Instant::now(), ..current }),
        }
        answer
    }

    async fn ask(&mut self, path: &str, question: serde_json::Value) -> Answer {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.base));
        let asked = tokio::task::spawn_blocking(move || post(&agent, &url, &question)).await;
        let answer = asked.unwrap_or_else(|error| Answer::Unknown(error.into()));
        if let Answer::Yes(SignedIn { token, expires_in, refresh }) = &answer {
            let until = Instant::now() + Duration::from_secs(*expires_in);
            self.current = Some(Current { token: token.clone(), until, refresh: refresh.clone() });
            self.kept.iter().for_each(|kept| kept.write(refresh));
        }
        answer
    }
}

fn post(agent: &Agent, url: &str, question: &serde_json::Value) -> Answer {
    let sent = agent.post(url).content_type("application/json").send(question.to_string());
    let read = sent.and_then(|mut response| Ok((response.status(), response.body_mut().read_to_string()?)));
    match read {
        Ok((status, body)) if status.is_success() => match serde_json::from_str(&body) {
            Ok(signed_in) => Answer::Yes(signed_in),
            Err(_) => Answer::No("this server answers like no chat server".to_owned()),
        },
        // Who is put off is not refused.
        Ok((status, _)) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Answer::Unknown(format!("sign-in: status {status}").into())
        }
        Ok((status, body)) => {
            let words = serde_json::from_str::<serde_json::Value>(&body).unwrap_or_default();
            Answer::No(words["error"].as_str().map_or_else(|| format!("status {status}"), str::to_owned))
        }
        Err(error) => Answer::Unknown(format!("sign-in: {error}").into()),
    }
}

/// `ws://host/ws?…` is `http://host`.
fn http_base(url: &str) -> Result<String, Failure> {
    let uri: http::Uri = url.parse().map_err(|error| Failure::usage(format!("'{url}': {error}")))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let scheme = match uri.scheme_str() {
        Some("wss") => "https",
        _ if is_here => "http",
        _ => {
            return Err(Failure::usage(format!(
                "a password to {host} could be read by everybody on the way: use wss://"
            )));
        }
    };
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    Ok(format!("{scheme}://{authority}"))
}

fn agent(network: &NetworkArgs) -> Result<Agent, Failure> {
    let mut tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    let mut own = Vec::new();
    for path in &network.cacert {
        let pem = std::fs::read(path)
            .map_err(|error| Failure::new(Exit::Failed, format!("can't read {}: {error}", path.display())))?;
        let bad = |error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
        own.push(if pem.starts_with(b"-----") {
            Certificate::from_pem(&pem).map_err(bad)?
        } else {
            Certificate::from_der(&pem).to_owned()
        });
    }
    if !own.is_empty() {
        tls = tls.root_certs(RootCerts::new_with_certs(&own));
    }
    let proxy = match &network.proxy {
        _ if network.no_proxy => None,
        Some(url) => Some(Proxy::new(url).map_err(|error| Failure::usage(format!("--proxy: {error}")))?),
        None => Proxy::try_from_env(),
    };
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .proxy(proxy)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("everwire/", env!("CARGO_PKG_VERSION")));
    Ok(config.build().new_agent())
}

/// From the environment, or from the terminal without showing it.
fn password(user: &str) -> Result<String, Failure> {
    if let Ok(password) = std::env::var("EVERWIRE_PASSWORD") {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("--sign-in: set EVERWIRE_PASSWORD where nobody can be asked".to_owned()));
    }
    rpassword::prompt_password(format!("Password of {user}: "))
        .map_err(|error| Failure::new(Exit::Failed, format!("the password can't be read: {error}")))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use serde_json::json;
    use ureq::Agent;

    use super::{Answer, http_base, post};

    #[test]
    fn who_is_put_off_keeps_its_sign_in() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/refresh", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"{}") {
                let mut some = [0; 1024];
                let read = stream.read(&mut some).unwrap();
                question.extend(&some[..read]);
            }
            stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        });
        let config = Agent::config_builder().http_status_as_error(false).build();
        assert!(matches!(post(&config.new_agent(), &url, &json!({})), Answer::Unknown(_)));
        server.join().unwrap();
    }

    #[test]
    fn a_password_is_sent_where_nobody_else_reads_it() {
        let base = |url| http_base(url).ok();
        assert_eq!(base("ws://127.0.0.1:8080/ws?room=a").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(base("ws://[::1]:8080/ws").as_deref(), Some("http://[::1]:8080"));
        assert_eq!(base("wss://ana:x@chat.example.org/ws").as_deref(), Some("https://chat.example.org"));
        assert_eq!(base("ws://chat.example.org/ws"), None);
    }
}
