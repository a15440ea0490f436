//! Signs in with a password, and keeps the tokens that the chat server issues for it fresh.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use everwire::PermanentError;
use everwire_server::after;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::http::Server;
use super::saved_sign_in::SavedSignIn;
use crate::exit::{Exit, Failure};
use crate::token::Problem;

/// A token is replaced this long before it expires, or after half of its life if that is later.
const MARGIN: Duration = Duration::from_secs(30);

/// A refused token that is younger than this is used again and not replaced: another room, with the same refusal, has just
/// replaced it.
const YOUNG: Duration = Duration::from_secs(5);

/// A sign-in, shared by all rooms. Cheap to clone.
#[derive(Clone)]
pub(super) struct SignIn(Arc<Inner>);

struct Inner {
    server: Server,
    user: String,
    kept: Option<SavedSignIn>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` if a saved sign-in is used.
    password: Option<String>,
    current: Option<Current>,
    /// The request that is in flight; all who need a token wait for it.
    asking: Option<Shared<BoxFuture<'static, Answer>>>,
}

/// The server's last tokens.
#[derive(Clone)]
struct Current {
    token: String,
    since: Instant,
    until: Instant,
    refresh: String,
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
    expires_in: u64,
    refresh: String,
}

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Token(String),
    /// Refused, for this reason.
    No(String),
    /// The server could not be asked; trying again may help.
    Unknown(String),
}

impl SignIn {
    /// Uses a saved sign-in, or asks for the password and signs in. If the server can't be reached now, it signs in when the
    /// connection is opened.
    ///
    /// # Errors
    /// One line: there is no password, or it was refused.
    pub(super) async fn start(server: Server, user: &str, kept: Option<SavedSignIn>) -> Result<Self, Failure> {
        let inner = Inner { server, user: user.to_owned(), kept, state: Mutex::default() };
        if let Answer::No(_) = inner.refresh().await {
            inner.state().password = Some(password(user)?);
            if let Answer::No(words) = inner.sign_in().await {
                return Err(Failure::new(Exit::Refused, format!("sign-in: {words}")));
            }
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Returns a token for the next attempt; another one if the last was `refused`.
    ///
    /// Cancel-safe: the request goes on in a task of its own, and its answer is used by the next attempt. All callers that wait
    /// share one request.
    pub(super) async fn token(&self, refused: bool) -> Result<String, Problem> {
        let asking = {
            let mut state = self.0.state();
            let now = Instant::now();
            let is_good = |current: &&Current| now < current.until && (!refused || now < after(current.since, YOUNG));
            if let Some(current) = state.current.as_ref().filter(is_good) {
                return Ok(current.token.clone());
            }
            state.asking.get_or_insert_with(|| self.ask()).clone()
        };
        match asking.await {
            Answer::Token(token) => Ok(token),
            // Trying again can't help until the user signs in.
            Answer::No(words) => Err(PermanentError::new(format!("sign-in: {words}")).into()),
            Answer::Unknown(problem) => Err(format!("sign-in: {problem}").into()),
        }
    }

    fn ask(&self) -> Shared<BoxFuture<'static, Answer>> {
        let (inner, waiting) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let task = tokio::spawn(async move {
            let answer = inner.renew().await;
            inner.state().asking = None;
            answer
        });
        let answered = async move {
            match task.await {
                Ok(answer) => answer,
                Err(error) => {
                    waiting.state().asking = None;
                    Answer::Unknown(error.to_string())
                }
            }
        };
        answered.boxed().shared()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self) -> Answer {
        match self.refresh().await {
            Answer::No(_) => self.sign_in().await,
            answer => answer,
        }
    }

    async fn sign_in(&self) -> Answer {
        let Some(password) = self.state().password.clone() else {
            return Answer::No("the sign-in is over; leave and start again to sign in".to_owned());
        };
        let credentials = json!({ "user": self.user, "password": password });
        self.question("/api/sign-in", &credentials).await
    }

    /// Exchanges the refresh token for new tokens. It stays valid until the next one is used, so it may be sent again if the
    /// answer was lost.
    async fn refresh(&self) -> Answer {
        // Programs that share a sign-in take turns, and each uses the token that the one before has saved.
        let _turn = match &self.kept {
            Some(kept) => kept.turn().await,
            None => None,
        };
        let kept = self.kept.as_ref().and_then(SavedSignIn::read);
        let own = self.state().current.as_ref().map(|current| current.refresh.clone());
        let Some(refresh) = kept.or(own) else { return Answer::No(String::new()) };
        let answer = self.question("/api/refresh", &json!({ "refresh": refresh })).await;
        if let Answer::No(_) = answer {
            self.state().current = None;
            self.kept.iter().for_each(SavedSignIn::forget);
        }
        answer
    }

    async fn question(&self, path: &str, question: &serde_json::Value) -> Answer {
        let (status, body) = match self.server.post(path, question.to_string()).await {
            Ok(answer) => answer,
            Err(problem) => return Answer::Unknown(problem.to_string()),
        };
        match read(status, &body) {
            Ok(SignedIn { token, expires_in, refresh }) => {
                let life = Duration::from_secs(expires_in);
                let since = Instant::now();
                let half = life.checked_div(2).unwrap_or_default();
                let until = after(since, life.saturating_sub(MARGIN.min(half)));
                self.kept.iter().for_each(|kept| kept.write(&refresh));
                self.state().current = Some(Current { token: token.clone(), since, until, refresh });
                Answer::Token(token)
            }
            Err(answer) => answer,
        }
    }
}

fn read(status: StatusCode, body: &[u8]) -> Result<SignedIn, Answer> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|_| {
            Answer::No("the server does not answer as an Everwire chat server does; check the address".to_owned())
        });
    }
    // These statuses mean "later", not "no".
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Answer::Unknown(format!("status {status}")));
    }
    let words: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    Err(Answer::No(words["error"].as_str().map_or_else(|| format!("status {status}"), str::to_owned)))
}

/// From the environment, or from the terminal without showing it.
fn password(user: &str) -> Result<String, Failure> {
    if let Ok(password) = std::env::var("EVERWIRE_PASSWORD") {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "--sign-in: there is no terminal to ask for the password on; set EVERWIRE_PASSWORD".to_owned(),
        ));
    }
    rpassword::prompt_password(format!("Password of {user}: "))
        .map_err(|error| Failure::new(Exit::Failed, format!("the password can't be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_keeps_the_sign_in_and_a_refusal_says_why() {
        let answer = |status: StatusCode, body: &str| read(status, body.as_bytes()).err();
        assert!(matches!(answer(StatusCode::TOO_MANY_REQUESTS, "{}"), Some(Answer::Unknown(_))));
        assert!(matches!(answer(StatusCode::SERVICE_UNAVAILABLE, "down"), Some(Answer::Unknown(_))));
        assert_eq!(answer(StatusCode::UNAUTHORIZED, r#"{"error":"no"}"#), Some(Answer::No("no".to_owned())));
        assert!(matches!(answer(StatusCode::OK, "<html>"), Some(Answer::No(_))));
        assert!(read(StatusCode::OK, br#"{"token":"t","expires_in":900,"refresh":"r","user":"ana"}"#).is_ok());
    }
}
