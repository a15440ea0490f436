//! Signing in, on servers that require it, and the requests to their HTTP interface.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Function, JSON, Promise};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, RequestCache, RequestInit, Response, UrlSearchParams};

use everwire_chat::rooms::{Admission, RoomList};
use everwire_i18n::Words;

use crate::browser;
use crate::storage::{self, AUTH, SIGN_IN, SIGN_IN_BEFORE, TOKEN, USER};

/// A token is replaced this long before it expires, or after half of its life if that is later; in milliseconds.
const MARGIN: f64 = 30_000.0;

/// A refused token that is younger than this, in milliseconds, is used again: another room, with the same refusal, has just
/// replaced it.
const YOUNG: f64 = 5_000.0;

/// The longest time for a request that can be repeated.
const SHORT: Duration = Duration::from_secs(5);
/// The longest time for a request that should not be repeated.
const LONG: Duration = Duration::from_secs(20);

/// How users authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// By any name.
    Guest,
    /// By a password.
    Password,
    /// By a token of another issuer.
    Token,
}

/// A user who is signed in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Account(SendWrapper<Rc<Inner>>);

struct Inner {
    user: String,
    current: RefCell<Option<Current>>,
    /// The request for a newer token that is in flight, shared by all rooms.
    renewing: RefCell<Option<Promise>>,
    /// The server's reason why there is no token; empty if there was no answer.
    problem: RefCell<String>,
    /// The sign-in has ended.
    has_ended: Cell<bool>,
}

/// A token, with the times from which and until which it is used, in milliseconds since the Unix epoch.
#[derive(Clone)]
struct Current {
    token: String,
    since: f64,
    until: f64,
}

/// The server's reason why there is no token; empty if there was no answer. A type of its own, because a `String` that is
/// converted into an error adds tables of printable characters, some 2 KB, to the page.
#[derive(Debug, Default)]
pub(crate) struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

/// The result of a request.
enum Answer {
    Yes(JsValue),
    /// Refused, with status and reason.
    No(u16, String),
    /// There was no answer.
    Nobody,
}

impl Auth {
    /// Asks the server; `None` if there is no valid answer.
    pub(crate) async fn ask() -> Option<Self> {
        let Answer::Yes(info) = ask("api/info", None, SHORT).await else { return None };
        let name = text(&info, "auth")?;
        let auth = Self::of(&name)?;
        storage::keep(AUTH, &name);
        Some(auth)
    }

    /// The server's last answer.
    pub(crate) fn kept() -> Option<Self> {
        Self::of(&storage::kept(AUTH)?)
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
    /// The user who signed in during an earlier visit.
    pub(crate) fn kept() -> Option<Self> {
        let user = storage::kept(USER)?;
        let account = Self::of(user, None);
        storage::rename(SIGN_IN_BEFORE, &account.key());
        storage::kept(&account.key()).map(|_| account)
    }

    /// The user whose token this tab was given.
    pub(crate) fn kept_in_tab() -> Option<Self> {
        let kept = storage::kept_in_tab(TOKEN)?;
        let (user, token) = kept.split_once('\n')?;
        Some(Self::with_token(user, token))
    }

    /// The user of a token, which is kept for as long as the tab is open.
    pub(crate) fn given(user: &str, token: &str) -> Self {
        storage::keep_in_tab(TOKEN, &format!("{user}\n{token}"));
        Self::with_token(user, token)
    }

    fn with_token(user: &str, token: &str) -> Self {
        Self::of(user.to_owned(), Some(Current { token: token.to_owned(), since: 0.0, until: f64::INFINITY }))
    }

    /// Signs in with a password.
    ///
    /// # Errors
    /// The server's reason, or `None` if there was no answer.
    pub(crate) async fn sign_in(user: &str, password: &str) -> Result<Self, Option<String>> {
        let question = object(&[("user", user), ("password", password)]);
        match ask("api/sign-in", Some(question), LONG).await {
            Answer::Yes(answer) => {
                let account = Self::of(text(&answer, "user").unwrap_or_else(|| user.to_owned()), None);
                // Ends the sign-in of the user before.
                storage::forget(SIGN_IN);
                account.take(&answer).ok_or(None)?;
                storage::keep(USER, account.user());
                Ok(account)
            }
            Answer::No(_, words) => Err(Some(words)),
            Answer::Nobody => Err(None),
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.0.user
    }

    /// Returns a token for the next attempt to connect. All callers that wait share one request, which goes on if they are
    /// dropped: the server accepts each refresh token once, so a lost answer would end the sign-in.
    ///
    /// # Errors
    /// The server's reason, or an empty one if there was no answer.
    pub(crate) async fn token(self) -> Result<String, Box<dyn Error + Send + Sync>> {
        if let Some(token) = self.current() {
            return Ok(token);
        }
        let renewed = self.renewed();
        let _ = JsFuture::from(renewed).await;
        self.current().ok_or_else(|| Said(self.0.problem.borrow().clone()).into())
    }

    /// Ends the sign-in, here and at the server; the request is sent even if the page is closed.
    pub(crate) fn sign_out(&self) {
        if let Some(refresh) = storage::kept(&self.key()) {
            let init = request(Some(object(&[("refresh", &refresh)])));
            let _ = js_sys::Reflect::set(&init, &"keepalive".into(), &true.into());
            let _ = browser::window().fetch_with_str_and_init("api/sign-out", &init);
        }
        storage::keep(&self.key(), "");
        storage::keep(USER, "");
        storage::keep_in_tab(TOKEN, "");
    }

    fn key(&self) -> String {
        format!("{SIGN_IN}{}", self.user())
    }

    /// The server's reason, if the sign-in has ended.
    pub(crate) fn has_ended(&self) -> Option<String> {
        self.0.has_ended.get().then(|| self.0.problem.borrow().clone())
    }

    /// The server has refused the token: the next attempt asks for another one, unless this one is very new.
    pub(crate) fn outdate(&self) {
        let young = js_sys::Date::now() - YOUNG;
        self.0.current.borrow_mut().take_if(|current| current.until.is_finite() && current.since < young);
    }

    /// The token may not be valid any more: the next attempt asks for another one.
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

    /// Renews the token, in one tab at a time: a refresh token that two tabs use at once looks like a stolen one.
    async fn renew(&self) {
        let account = self.clone();
        let renewed = async move { account.renew_alone().await };
        if !browser::locked(SIGN_IN, Some(LONG), renewed).await {
            self.0.problem.take();
        }
    }

    async fn renew_alone(&self) {
        // Another tab may have renewed it, or signed out.
        let refresh = storage::kept(&self.key()).unwrap_or_default();
        let problem = match ask("api/refresh", Some(object(&[("refresh", &refresh)])), LONG).await {
            // Unless the user has signed out meanwhile.
            Answer::Yes(answer) if self.is_own(&answer) && storage::kept(&self.key()).is_some() => {
                self.take(&answer);
                String::new()
            }
            Answer::Yes(_) => {
                self.0.has_ended.set(true);
                String::new()
            }
            Answer::No(status, words) => {
                // Unless another tab has renewed it meanwhile.
                if matches!(status, 401 | 403) && storage::kept(&self.key()).unwrap_or_default() == refresh {
                    storage::keep(&self.key(), "");
                    self.0.has_ended.set(true);
                }
                words
            }
            Answer::Nobody => String::new(),
        };
        *self.0.problem.borrow_mut() = problem;
    }

    fn is_own(&self, answer: &JsValue) -> bool {
        text(answer, "user").is_none_or(|user| user == self.user())
    }

    fn take(&self, answer: &JsValue) -> Option<()> {
        let token = text(answer, "token")?;
        storage::keep(&self.key(), &text(answer, "refresh")?);
        let life = field(answer, "expires_in")?.as_f64()? * 1000.0;
        let since = js_sys::Date::now();
        let until = since + life - MARGIN.min(life / 2.0);
        *self.0.current.borrow_mut() = Some(Current { token, since, until });
        Some(())
    }
}

/// The rooms that the server lists for this user.
pub(crate) async fn listed(account: Option<&Account>) -> Option<RoomList> {
    RoomList::from_json(&ask_as(account, "api/rooms").await?)
}

/// Whether the server admits a user to a room; `None` if there is no valid answer.
pub(crate) async fn admission(account: Option<&Account>, room: &str) -> Option<Admission> {
    let parameters = UrlSearchParams::new().ok()?;
    parameters.set("room", room);
    Admission::from_json(&ask_as(account, &format!("api/admission?{}", String::from(parameters.to_string()))).await?)
}

/// The body of the server's response to a GET request of this user.
async fn ask_as(account: Option<&Account>, path: &str) -> Option<String> {
    let init = RequestInit::new();
    if let Some(account) = account {
        let token = account.clone().token().await.ok()?;
        init.set_headers(&object(&[("authorization", &format!("Bearer {token}"))]));
    }
    if let Ok(patient) = AbortController::new() {
        init.set_signal(Some(&patient.signal()));
        browser::later(SHORT, move || patient.abort());
    }
    let answer = JsFuture::from(browser::window().fetch_with_str_and_init(path, &init)).await.ok()?;
    JsFuture::from(answer.unchecked_into::<Response>().text().ok()?).await.ok()?.as_string()
}

/// Sends a request to the page's server, relative to the page's folder; with a body it is a POST.
async fn ask(path: &str, body: Option<JsValue>, patience: Duration) -> Answer {
    let init = request(body);
    // `AbortSignal.timeout` would be shorter, but older browsers do not have it.
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
        status => {
            // The code, if there is a translation, else the server's own text.
            let code = text(&json, "code").filter(|code| Words::knows_reason(code));
            let reason = code.or_else(|| text(&json, "error")).unwrap_or_else(|| format!("status {status}"));
            Answer::No(status, reason)
        }
    }
}

fn request(body: Option<JsValue>) -> RequestInit {
    let init = RequestInit::new();
    init.set_cache(RequestCache::NoStore);
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(&JSON::stringify(&body).map_or(JsValue::NULL, JsValue::from));
    }
    init
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
