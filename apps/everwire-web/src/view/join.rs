use std::cell::Cell;

use everwire_i18n::{Text, Words};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

use crate::account::Auth;
use crate::browser;
use crate::dom::{self, Switch};
use crate::storage;

/// The form for a name, or for a user and a password.
pub(crate) struct Join {
    pub(crate) with_password: bool,
    name: HtmlInputElement,
    password: HtmlInputElement,
    problem: dom::Words,
    missing: Switch,
    /// Whether a request is in flight.
    busy: Cell<bool>,
}

impl Join {
    /// Replaces the whole document's content.
    pub(crate) fn new(auth: Auth, words: Words) -> Self {
        let root = dom::template("join");
        let with_password = auth == Auth::Password;
        let say = |selector, text| dom::find(&root, selector).set_text_content(Some(&words.say(&text)));
        say("[for=name]", Text::Name);
        say("[for=password]", Text::Password);
        say("button", if with_password { Text::SignIn } else { Text::Enter });
        let join = Self {
            with_password,
            name: dom::find(&root, "#name").unchecked_into(),
            password: dom::find(&root, "#password").unchecked_into(),
            problem: dom::Words::at(&root, ".problem"),
            missing: Switch::at(&root, "button", "disabled", true),
            busy: Cell::default(),
        };
        if auth == Auth::Guest {
            dom::find(&root, ".asked").remove();
        } else {
            say(".asked", Text::SignInWanted);
        }
        if with_password {
            dom::set(&join.name, "autocomplete", "username");
        } else {
            remove_all(&root, "[for=password],#password");
        }
        if auth == Auth::Token {
            remove_all(&root, "label,input,button");
        }
        dom::show_only(&root);
        browser::document().set_title("Everwire");
        // A user whose sign-in has ended only has to type the password.
        let user = storage::kept(storage::USER).filter(|_| with_password).unwrap_or_default();
        let wanted = if user.is_empty() { &join.name } else { &join.password };
        join.name.set_value(&user);
        let _ = wanted.focus();
        join
    }

    /// The name and the password, as far as they are asked for.
    pub(crate) fn given(&self) -> (String, String) {
        (self.name.value(), self.password.value())
    }

    /// An input was changed.
    pub(crate) fn on_input(&self) {
        let (name, password) = self.given();
        let is_complete = !name.trim().is_empty() && (!self.with_password || !password.is_empty());
        self.missing.turn(!is_complete || self.busy.get());
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.set(busy);
        self.on_input();
    }

    pub(crate) fn complain(&self, words: String) {
        self.problem.show(words);
    }
}

fn remove_all(root: &Element, selector: &str) {
    while let Ok(Some(one)) = root.query_selector(selector) {
        one.remove();
    }
}
