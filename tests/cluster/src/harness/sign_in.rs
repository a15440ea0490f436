//! A member's tokens: from an issuer, or from a sign-in that goes from node to node.

use std::sync::Arc;

use everwire_cluster::dice::Dice;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::ground::Ground;
use super::http;

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// How a member gets a token.
pub(crate) struct SignIn {
    ground: Arc<Ground>,
    user: String,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    tokens: Option<Tokens>,
    is_banned: bool,
}

#[derive(Clone)]
struct Tokens {
    token: String,
    refresh: String,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    GoesOn,
    /// A node says that the sign-in has ended.
    IsOver,
    /// A node refuses this user's sign-in.
    IsBanned,
}

impl SignIn {
    pub(crate) fn new(ground: Arc<Ground>, user: String, seed: u64) -> Self {
        Self { ground, user, state: Mutex::new(State { dice: Dice::new(seed), tokens: None, is_banned: false }) }
    }

    /// A token to join with; `None` if no node gives one now.
    pub(crate) async fn token(&self) -> Option<String> {
        if !self.ground.has_accounts {
            return Some(self.ground.issuer.token(&self.user));
        }
        let mut state = self.state.lock().await;
        if state.tokens.is_none() {
            let credentials = json!({"user": self.user, "password": PASSWORD});
            let (status, tokens) = self.ask(&mut state, "/api/sign-in", &credentials).await?;
            state.is_banned |= status == 403;
            state.tokens = tokens;
        }
        state.tokens.as_ref().map(|tokens| tokens.token.clone())
    }

    /// Exchanges the refresh token on any node. Without an answer the sign-in is not over: the same token is tried again.
    pub(crate) async fn refresh(&self) -> Step {
        let mut state = self.state.lock().await;
        let Some(Tokens { refresh, .. }) = state.tokens.clone() else {
            return if state.is_banned { Step::IsBanned } else { Step::GoesOn };
        };
        match self.ask(&mut state, "/api/refresh", &json!({ "refresh": refresh })).await {
            Some((_, Some(tokens))) => state.tokens = Some(tokens),
            Some((401, None)) => {
                state.tokens = None;
                return Step::IsOver;
            }
            Some(_) | None => {}
        }
        Step::GoesOn
    }

    /// The answer's status, and its tokens if it has any.
    async fn ask(&self, state: &mut State, path: &str, body: &Value) -> Option<(u16, Option<Tokens>)> {
        let node = state.dice.index(self.ground.addresses.len());
        let (status, body) = http::post(&self.ground.addresses[node], path, &body.to_string()).await?;
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        let word = |key: &str| said[key].as_str().map(str::to_owned);
        Some((status, word("token").zip(word("refresh")).map(|(token, refresh)| Tokens { token, refresh })))
    }
}
