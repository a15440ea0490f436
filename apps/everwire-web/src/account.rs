//! Signing in, on servers that ask for it.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Function, JSON, Promise};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, RequestInit, Response};

use crate::browser;

const AUTH: &str = "everwire.auth";
const REFRESH: &str = "everwire.refresh";

/// A token is not used in the last moments of its life, which are half of it at most: milliseconds.
const MARGIN: f64 = 30_000.0;

/// How long an answer may take.
const SHORT: Duration = Duration::from_secs(5);
/// The same where the server does something for it that is better not done again: it takes a token that was used for a
/// repeat for a minute, and then for a stolen one.
const LONG: Duration = Duration::from_secs(20);

/// How users say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// By any name.
    Guest,
    /// By a password.
    Password,
    /// By a token that somebody else gives.
    Token,
}

/// Somebody who is signed in. A handle; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Account(SendWrapper<Rc<Inner>>);

struct Inner {
    user: String,
    current: RefCell<Option<Current>>,
    /// A newer token is on its way, for all rooms.
    renewing: RefCell<Option<Promise>>,
    /// Why there is none, in the server's words; nothing if nobody answered.
    problem: RefCell<String>,
    /// The sign-in is over.
    has_ended: Cell<bool>,
}

/// A token, and until when it is good.
#[derive(Clone)]
struct Current {
    token: String,
    until: f64,
}

/// What came of a question.
enum Answer {
    Yes(JsValue),
    /// Status and words.
    No(u16, String),
    /// Nobody answered.
    Nobody,
}

impl Auth {
    /// What the server says; `None` if it says nothing that makes sense.
    pub(crate) async fn ask() -> Option<Self> {
        let name = match ask("/api/info", None, SHORT).await {
            Answer::Yes(info) => text(&info, "auth")?,
            // A server of before there were accounts.
            Answer::No(404, _) => "none".to_owned(),
            Answer::No(..) | Answer::Nobody => return None,
        };
        let auth = Self::of(&name)?;
        browser::keep(AUTH, &name);
        Some(auth)
    }

    /// What it said last.
    pub(crate) fn kept() -> Option<Self> {
        Self::of(&browser::kept(AUTH)?)
    }

    fn of(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::Guest),
            "accounts" => Some(Self::Password),
            "tokens" => Some(Self::Token),
            _ => None,
        }
    }
}

impl Account {
    /// Under this name it is kept who has signed in last, whether that has ended or not.
    pub(crate) const USER: &str = "everwire.user";

    /// Whoever signed in at an earlier visit.
    pub(crate) fn kept() -> Option<Self> {
        browser::kept(REFRESH)?;
        Some(Self::of(browser::kept(Self::USER)?, None))
    }

    /// Whoever the page's address has a token of: `#user=…&token=…`.
    pub(crate) fn given() -> Option<Self> {
        let (user, token) = (browser::fragment("user")?, browser::fragment("token")?);
        Some(Self::of(user, Some(Current { token, until: f64::INFINITY })))
    }

    /// # Errors
    /// In the server's words, or `None` if nobody answered.
    pub(crate) async fn sign_in(user: &str, password: &str) -> Result<Self, Option<String>> {
        let question = object(&[("user", user), ("password", password)]);
        match ask("/api/sign-in", Some(question), LONG).await {
            Answer::Yes(answer) => {
                let account = Self::of(text(&answer, "user").unwrap_or_else(|| user.to_owned()), None);
                account.take(&answer).ok_or(None)?;
                browser::keep(Self::USER, account.user());
                Ok(account)
            }
            Answer::No(_, words) => Err(Some(words)),
            Answer::Nobody => Err(None),
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.0.user
    }

    /// A token for the next attempt to connect. All who wait for one wait for the same, and it comes whether they do or not:
    /// the server takes each refresh token once, and whoever misses the answer has none.
    ///
    /// # Errors
    /// In the server's words, or in none if nobody answered.
    pub(crate) async fn token(self) -> Result<String, Box<dyn Error + Send + Sync>> {
        if let Some(token) = self.current() {
            return Ok(token);
        }
        let renewed = self.renewed();
        let _ = JsFuture::from(renewed).await;
        self.current().ok_or_else(|| self.0.problem.borrow().as_str().into())
    }

    /// The sign-in is over, says the server in these words.
    pub(crate) fn has_ended(&self) -> Option<String> {
        self.0.has_ended.get().then(|| self.0.problem.borrow().clone())
    }

    /// The server may not take this token any more: the next attempt asks for another.
    pub(crate) fn doubt(&self) {
        self.0.current.borrow_mut().take_if(|current| current.until.is_finite());
    }

    fn of(user: String, current: Option<Current>) -> Self {
        Self(SendWrapper::new(Rc::new(Inner {
            user,
            current: RefCell::new(current),
            renewing: RefCell::default(),
            problem: RefCell::default(),
            has_ended: Cell::default(),
        })))
    }

    fn current(&self) -> Option<String> {
        let current = self.0.current.borrow();
        current.as_ref().filter(|current| js_sys::Date::now() < current.until).map(|current| current.token.clone())
    }

    fn renewed(&self) -> Promise {
        let mut renew = |done: Function, _| {
            let account = self.clone();
            spawn_local(async move {
                account.renew().await;
                account.0.renewing.take();
                let _ = done.call0(&JsValue::NULL);
            });
        };
        self.0.renewing.borrow_mut().get_or_insert_with(|| Promise::new(&mut renew)).clone()
    }

    async fn renew(&self) {
        // Another tab may have taken a newer one.
        let refresh = browser::kept(REFRESH).unwrap_or_default();
        let problem = match ask("/api/refresh", Some(object(&[("refresh", &refresh)])), LONG).await {
            Answer::Yes(answer) => {
                self.take(&answer);
                String::new()
            }
            Answer::No(status, words) => {
                // Unless another tab has taken a newer one meanwhile.
                if matches!(status, 401 | 403) && browser::kept(REFRESH).unwrap_or_default() == refresh {
                    browser::keep(REFRESH, "");
                    self.0.has_ended.set(true);
                }
                words
            }
            Answer::Nobody => String::new(),
        };
        *self.0.problem.borrow_mut() = problem;
    }

    fn take(&self, answer: &JsValue) -> Option<()> {
        let token = text(answer, "token")?;
        browser::keep(REFRESH, &text(answer, "refresh")?);
        let life = field(answer, "expires_in")?.as_f64()? * 1000.0;
        let until = js_sys::Date::now() + life - MARGIN.min(life / 2.0);
        *self.0.current.borrow_mut() = Some(Current { token, until });
        Some(())
    }
}

/// A question to this very server; with a body it is a POST. Whoever has not answered by then is nobody.
async fn ask(path: &str, body: Option<JsValue>, patience: Duration) -> Answer {
    let init = RequestInit::new();
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(&JSON::stringify(&body).map_or(JsValue::NULL, JsValue::from));
    }
    // `AbortSignal.timeout` would be less, and is younger.
    if let Ok(patient) = AbortController::new() {
        init.set_signal(Some(&patient.signal()));
        browser::later(patience, move || patient.abort());
    }
    let Ok(answer) = JsFuture::from(browser::window().fetch_with_str_and_init(path, &init)).await else {
        return Answer::Nobody;
    };
    let response: Response = answer.unchecked_into();
    let json = match response.json() {
        Ok(json) => JsFuture::from(json).await.unwrap_or(JsValue::NULL),
        Err(_) => JsValue::NULL,
    };
    match response.status() {
        200..=299 => Answer::Yes(json),
        status => Answer::No(status, text(&json, "error").unwrap_or_else(|| format!("status {status}"))),
    }
}

fn object(fields: &[(&str, &str)]) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in fields {
        let _ = js_sys::Reflect::set(&object, &(*name).into(), &(*value).into());
    }
    object.into()
}

fn field(object: &JsValue, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &name.into()).ok()
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    field(object, name)?.as_string()
}
