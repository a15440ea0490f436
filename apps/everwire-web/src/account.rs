//! Signing in, on servers that ask for it.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use js_sys::JSON;
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

use crate::browser;

const AUTH: &str = "everwire.auth";
const REFRESH: &str = "everwire.refresh";
const USER: &str = "everwire.user";

/// A token is not used in the last moments of its life: milliseconds.
const MARGIN: f64 = 30_000.0;

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

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    current: SendWrapper<Rc<RefCell<Option<Current>>>>,
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
    /// What the server says; where it can't be reached, what it said last.
    pub(crate) async fn ask() -> Option<Self> {
        let name = match ask("/api/info", None).await {
            Answer::Yes(info) => {
                let name = text(&info, "auth").unwrap_or_default();
                browser::keep(AUTH, &name);
                Some(name)
            }
            // A server of before there were accounts.
            Answer::No(404, _) => Some("none".to_owned()),
            Answer::No(..) | Answer::Nobody => browser::kept(AUTH),
        }?;
        Some(match name.as_str() {
            "accounts" => Self::Password,
            "tokens" => Self::Token,
            _ => Self::Guest,
        })
    }
}

impl Account {
    /// Whoever signed in at an earlier visit.
    pub(crate) fn kept() -> Option<Self> {
        browser::kept(REFRESH).filter(|refresh| !refresh.is_empty())?;
        Some(Self::of(browser::kept(USER)?, None))
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
        match ask("/api/sign-in", Some(question)).await {
            Answer::Yes(answer) => {
                let account = Self::of(text(&answer, "user").unwrap_or_else(|| user.to_owned()), None);
                browser::keep(USER, &account.user);
                account.take(&answer);
                Ok(account)
            }
            Answer::No(_, words) => Err(Some(words)),
            Answer::Nobody => Err(None),
        }
    }

    /// A token for the next attempt to connect.
    pub(crate) async fn token(self, refused: bool) -> Result<String, Box<dyn Error + Send + Sync>> {
        let current = self.current.borrow().clone();
        if let Some(Current { token, until }) = current
            && (until.is_infinite() || (!refused && js_sys::Date::now() + MARGIN < until))
        {
            return Ok(token);
        }
        // Another tab may have taken a newer one.
        let refresh = browser::kept(REFRESH).unwrap_or_default();
        match ask("/api/refresh", Some(object(&[("refresh", &refresh)]))).await {
            Answer::Yes(answer) => self.take(&answer).ok_or_else(|| "the answer holds no token".into()),
            Answer::No(401 | 403, words) => {
                browser::keep(REFRESH, "");
                Err(words.into())
            }
            Answer::No(_, words) => Err(words.into()),
            Answer::Nobody => Err("the server does not answer".into()),
        }
    }

    fn of(user: String, current: Option<Current>) -> Self {
        Self { user, current: SendWrapper::new(Rc::new(RefCell::new(current))) }
    }

    fn take(&self, answer: &JsValue) -> Option<String> {
        let token = text(answer, "token")?;
        browser::keep(REFRESH, &text(answer, "refresh")?);
        let seconds = field(answer, "expires_in")?.as_f64()?;
        let until = js_sys::Date::now() + seconds * 1000.0;
        *self.current.borrow_mut() = Some(Current { token: token.clone(), until });
        Some(token)
    }
}

/// A question to this very server; with a body it is a POST.
async fn ask(path: &str, body: Option<JsValue>) -> Answer {
    let init = RequestInit::new();
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(&JSON::stringify(&body).map_or(JsValue::NULL, JsValue::from));
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
