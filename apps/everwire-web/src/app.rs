//! The page: asks for a name or a password, then shows the rooms; listens to all events of the document.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire::{Cause, Closed, State};
use everwire_chat::User;
use everwire_chat::rooms::Admission;
use everwire_i18n::{Language, Text, Words};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, Event, KeyboardEvent};

use crate::account::{self, Account, Auth};
use crate::action::{ATTRIBUTE, Action};
use crate::browser;
use crate::frames::Frames;
use crate::left;
use crate::network::Network;
use crate::presence;
use crate::rooms::Rooms;
use crate::storage::{self, ID, NAME, WHO};
use crate::view::{Chat, Join};
use crate::who;

/// The delay before a server that has never answered is asked again.
const AGAIN: Duration = Duration::from_secs(3);
/// From this attempt to connect on, the server is asked over HTTP: a browser does not report whether a server refused or is
/// down.
const DOUBTFUL: u32 = 3;

/// The server's close reason for a user who is banned.
const BANNED: &str = "banned";
/// The server's close reason for a user whose sign-in has ended, by a new password or with the account.
const SIGNED_OUT: &str = "sign in again";

/// The page.
pub(crate) struct App {
    words: Words,
    frames: Rc<Frames>,
    network: Rc<Network>,
    /// How users authenticate, once that is known.
    auth: Cell<Option<Auth>>,
    screen: RefCell<Screen>,
    /// The number of the attempt before which the server was asked.
    doubted: Cell<u32>,
    link: Link,
    /// Whether other tabs know the user in the rooms; not if the browser stores nothing.
    is_entered: Cell<bool>,
}

/// The user whom the page's address names.
struct Link {
    /// A guest's name.
    name: Option<String>,
    /// A user's id, and a token of another issuer.
    token: Option<(String, String)>,
}

impl Link {
    /// Reads it from the page's address, and removes it there, because the address may be given to others.
    fn take() -> Self {
        let token = browser::fragment("user").zip(browser::fragment("token"));
        let link = Self { name: browser::parameter("name"), token };
        browser::clear_address();
        link
    }
}

/// What is shown. Cheap to clone, so that a screen's methods may replace it.
#[derive(Clone)]
enum Screen {
    /// It is not known yet how users authenticate.
    Empty,
    Join(Rc<Join>),
    Chat(Rc<Chat>),
}

/// Starts the page, which lives until the browser closes it.
pub(crate) fn start() {
    let language = language();
    let _ = browser::root().set_attribute("lang", language.code());
    let frames = Rc::default();
    let app = Rc::new(App {
        words: Words::new(language).isolating().with_capitals(),
        network: Network::watch(&frames),
        frames,
        auth: Cell::default(),
        screen: RefCell::new(Screen::Empty),
        doubted: Cell::default(),
        link: Link::take(),
        is_entered: Cell::default(),
    });
    app.listen();
    let drawn = Rc::clone(&app);
    app.frames.start(move || {
        if let Screen::Chat(chat) = drawn.screen() {
            chat.show();
            drawn.look(&chat);
        }
    });
    spawn_local(app.begin());
}

impl App {
    fn screen(&self) -> Screen {
        self.screen.borrow().clone()
    }

    fn show(&self, screen: Screen) {
        drop(self.screen.replace(screen));
    }

    /// Asks the server how users authenticate. A returning user enters at once, by the server's last answer; a new user waits
    /// for the answer, and sees a form after the first failure.
    async fn begin(self: Rc<Self>) {
        let kept = Auth::kept();
        if let Some(auth) = kept {
            self.learn(auth);
        }
        match Auth::ask().await {
            Some(auth) => {
                if kept.is_none() {
                    self.complain(String::new());
                }
                self.learn(auth);
            }
            None if kept.is_some() => {}
            None => {
                if self.auth.get().is_none() {
                    self.open(Auth::Guest);
                }
                self.complain(self.words.say(&Text::NoAnswer));
                browser::later(AGAIN, move || spawn_local(self.begin()));
            }
        }
    }

    /// Uses the server's answer if it differs from what was known.
    fn learn(&self, auth: Auth) {
        if self.auth.get() != Some(auth) {
            self.open(auth);
        }
    }

    /// Enters as the known user; asks for a name or a password if there is none, or it is not valid any more.
    fn open(&self, auth: Auth) {
        self.auth.set(Some(auth));
        let entered = match auth {
            Auth::Guest => self.guest().map(|name| self.enter_as(&name)),
            Auth::Password => Account::kept().map(|account| self.enter_by(account)),
            Auth::Token => self.bearer().map(|account| self.enter_by(account)),
        };
        if entered.is_none_or(|entered| entered.is_err()) {
            self.ask_who(String::new());
        }
    }

    /// The guest's name: that of the address, unless the user has another one and keeps it.
    fn guest(&self) -> Option<String> {
        let kept = storage::kept(NAME);
        let named = self.link.name.as_ref().map(|name| name.trim());
        match (named, kept.as_deref().map(str::trim)) {
            (Some(name), Some(me)) if name != me && !self.may_become(name, me) => kept,
            (Some(name), _) => Some(name.to_owned()),
            (None, _) => kept,
        }
    }

    /// The user of the address's token, unless another user is signed in and stays.
    fn bearer(&self) -> Option<Account> {
        if let Some((user, token)) = &self.link.token
            && who::now().is_none_or(|me| me == *user || self.may_become(user, &me))
        {
            return Some(Account::given(user, token));
        }
        Account::kept_in_tab()
    }

    fn may_become(&self, name: &str, me: &str) -> bool {
        browser::confirm(&self.words.say(&Text::LinkAsks { name, me }))
    }

    /// Leaves the rooms if another tab has signed out, or has another user now.
    fn check_who(&self) {
        let Screen::Chat(chat) = self.screen() else { return };
        let (is_entered, user) = (self.is_entered.get(), &chat.rooms.user().user_id);
        let problem = match who::now() {
            Some(now) if now != *user => Text::OtherElsewhere,
            None if is_entered => Text::LeftElsewhere,
            Some(_) | None => return,
        };
        self.ask_who(self.words.say(&problem));
    }

    /// Signs out, in all tabs.
    fn sign_out(&self, chat: &Chat) {
        // Unsent texts stay for the user's next visit.
        chat.rooms.remember();
        if let Some(account) = chat.rooms.account() {
            account.sign_out();
        }
        who::leave();
        browser::reload();
    }

    /// Shows the form for a name or a password, with this problem. Unsent texts stay for the user's next visit.
    fn ask_who(&self, problem: String) {
        let auth = self.auth.get().unwrap_or(Auth::Guest);
        if let Screen::Chat(chat) = self.screen() {
            chat.rooms.remember();
        }
        let join = Join::new(auth, self.words);
        join.complain(problem);
        self.show(Screen::Join(Rc::new(join)));
    }

    fn complain(&self, problem: String) {
        if let Screen::Join(join) = self.screen() {
            join.complain(problem);
        }
    }

    /// Enters as a guest of this name.
    fn enter_as(&self, name: &str) -> Result<(), String> {
        self.enter(User::new(own_id(), name.trim()), None)?;
        storage::keep(NAME, name);
        Ok(())
    }

    fn enter_by(&self, account: Account) -> Result<(), String> {
        self.enter(User::new(account.user(), account.user()), Some(account))
    }

    fn enter(&self, user: User, account: Option<Account>) -> Result<(), String> {
        who::enter(&user.user_id);
        self.is_entered.set(who::is_here(&user.user_id));
        let rooms =
            Rc::new(Rooms::enter(user, account, self.words, Rc::clone(&self.frames), Rc::clone(&self.network))?);
        presence::watch(&rooms);
        rooms.watch();
        left::watch(&rooms);
        self.show(Screen::Chat(Rc::new(Chat::new(rooms, self.words))));
        self.frames.plan();
        Ok(())
    }

    /// Checks whether the user may still be in the rooms: a browser does not report why a server refuses a connection, so the
    /// server is asked over HTTP.
    fn look(self: &Rc<Self>, chat: &Chat) {
        if let Some(problem) = chat.rooms.account().and_then(Account::has_ended) {
            return self.ask_who(self.words.reason(&problem));
        }
        let ended = match &*chat.rooms.shown().link() {
            State::Closed(Closed::Refused(Cause::PeerClosed(Some(frame)))) => {
                [BANNED, SIGNED_OUT].into_iter().find(|reason| *reason == &*frame.reason)
            }
            _ => None,
        };
        if let Some(reason) = ended {
            return self.ask_who(self.words.reason(reason));
        }
        let attempt = match *chat.rooms.shown().link() {
            State::Disconnected { attempt, .. } => attempt,
            _ => 0,
        };
        if self.doubted.replace(attempt) == attempt || attempt < DOUBTFUL {
            return;
        }
        let app = Rc::clone(self);
        spawn_local(async move {
            let Some(auth) = Auth::ask().await else { return };
            app.learn(auth);
            let Screen::Chat(chat) = app.screen() else { return };
            let room = chat.rooms.shown();
            let said = account::admission(chat.rooms.account(), room.name()).await;
            // The connection may have been made meanwhile.
            if room.link().is_connected() || !chat.rooms.shown().is(&room) {
                return;
            }
            match said {
                Some(Admission::Refused { code, .. }) if code == BANNED => app.ask_who(app.words.reason(&code)),
                Some(Admission::Refused { code, .. }) if Words::knows_reason(&code) => chat.refuse(code),
                _ => chat.doubt(),
            }
        });
    }

    /// Adds one listener for each kind of event, for the whole document.
    fn listen(self: &Rc<Self>) {
        let document = browser::document();
        let on = |event, act: fn(&Rc<Self>, Event, Element)| {
            let app = Rc::clone(self);
            browser::always_below(&document, event, move |event| {
                if let Some(element) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                    act(&app, event, element);
                }
            });
        };
        on("click", |app, event, element| {
            let button = element.closest("[data-do]").ok().flatten();
            let (Screen::Chat(chat), Some(button)) = (app.screen(), button) else { return };
            let named = button.get_attribute(ATTRIBUTE).unwrap_or_default();
            match Action::parse(&named) {
                Some(Action::SignOut) => app.sign_out(&chat),
                Some(Action::AskWho) => app.ask_who(String::new()),
                // The second click of a double click is not meant for the room that has moved under the pointer.
                Some(Action::Leave) if browser::is_repeated(&event) => {}
                Some(action) => chat.act(action, &button),
                None => {}
            }
        });
        on("submit", |app, event, form| {
            event.prevent_default();
            match app.screen() {
                Screen::Join(join) => app.join(join),
                Screen::Chat(chat) => chat.submit(&form.class_name()),
                Screen::Empty => {}
            }
        });
        on("input", |app, _, element| match app.screen() {
            Screen::Join(join) => join.on_input(),
            Screen::Chat(chat) if element.tag_name() == "TEXTAREA" => chat.input(),
            Screen::Chat(_) | Screen::Empty => {}
        });
        on("keydown", |app, event, element| {
            let (Screen::Chat(chat), Some(key)) = (app.screen(), event.dyn_ref::<KeyboardEvent>()) else { return };
            let is_writing = element.tag_name() == "TEXTAREA" && is_plain(key);
            match key.key().as_str() {
                name if is_writing && chat.writes(name) => event.prevent_default(),
                "Enter" if element.tag_name() == "TEXTAREA" && sends(key) => {
                    event.prevent_default();
                    chat.submit("composer");
                }
                "ArrowUp" if is_writing && chat.edit_last() => {
                    event.prevent_default();
                }
                "Escape" => chat.open_side(false),
                _ => {}
            }
        });
        on("scroll", |app, _, element| match app.screen() {
            Screen::Chat(chat) if element.class_name() == "list" => chat.scrolled(),
            Screen::Chat(_) | Screen::Join(_) | Screen::Empty => {}
        });
        for (target, event) in [
            (document.as_ref(), "visibilitychange"),
            (browser::window().as_ref(), "pageshow"),
            (browser::window().as_ref(), "focus"),
            (browser::window().as_ref(), "resize"),
            (browser::window().as_ref(), "everwire-update"),
        ] {
            let app = Rc::clone(self);
            // A user who returns to the page sees its present state.
            browser::always_on(target, event, move |_| {
                app.check_who();
                app.frames.renew();
            });
        }
        let app = Rc::clone(self);
        browser::always_on(&browser::window(), "popstate", move |_| {
            if let Screen::Chat(chat) = app.screen() {
                chat.rooms.on_address();
            }
        });
        let app = Rc::clone(self);
        storage::on_kept_elsewhere(move |name| {
            if name.is_none_or(|name| name == WHO) {
                app.check_who();
            }
        });
    }

    fn join(self: &Rc<Self>, join: Rc<Join>) {
        let (name, password) = join.given();
        if !join.with_password {
            join.complain(self.enter_as(&name).err().unwrap_or_default());
            return;
        }
        join.set_busy(true);
        let app = Rc::clone(self);
        spawn_local(async move {
            let entered = match Account::sign_in(name.trim(), &password).await {
                Ok(account) => app.enter_by(account),
                Err(reason) => Err(match reason {
                    Some(reason) => app.words.reason(&reason),
                    None => app.words.say(&Text::NoAnswer),
                }),
            };
            join.set_busy(false);
            join.complain(entered.err().unwrap_or_default());
        });
    }
}

/// Whether a key was pressed without modifiers.
fn is_plain(key: &KeyboardEvent) -> bool {
    !(key.is_composing() || key.shift_key() || key.ctrl_key() || key.alt_key() || key.meta_key())
}

/// Whether this Enter sends the message. Not if it ends the input of a Japanese or Chinese word (in Safari only its key code
/// shows that). With Shift it begins a new line, and on touch screens too, whose keyboards have no Shift+Enter.
fn sends(enter: &KeyboardEvent) -> bool {
    let is_input = enter.is_composing() || enter.key_code() == 229;
    !is_input && !enter.shift_key() && (!browser::is_touched() || enter.ctrl_key() || enter.meta_key())
}

/// The id of this browser's guest, the same at every visit.
fn own_id() -> String {
    storage::kept(ID).unwrap_or_else(|| {
        let id = everwire_chat::new_id();
        storage::keep(ID, &id);
        id
    })
}

fn language() -> Language {
    let asked = browser::parameter("lang");
    asked.into_iter().chain(browser::languages()).find_map(|name| Language::of(&name)).unwrap_or_default()
}
