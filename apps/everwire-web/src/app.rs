//! From the name that somebody gives to the rooms that are shown.

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

/// How soon a server that has never answered is asked again.
const AGAIN: Duration = Duration::from_secs(3);
/// From this attempt to connect on the server is asked whether it is there: a browser does not tell who refuses from who is
/// away.
const DOUBTFUL: u32 = 3;

/// The server's word for somebody who is let in nowhere.
const BANNED: &str = "banned";
/// The same for somebody whose sign-in has ended: by a new password, or with the account.
const SIGNED_OUT: &str = "sign in again";

/// The page.
pub(crate) struct App {
    words: Words,
    frames: Rc<Frames>,
    network: Rc<Network>,
    /// How users say who they are, as far as that is known.
    auth: Cell<Option<Auth>>,
    screen: RefCell<Screen>,
    /// The attempt before which the server was asked.
    doubted: Cell<u32>,
    link: Link,
    /// Whoever is in the rooms is known to other tabs, as far as the browser keeps anything.
    is_entered: Cell<bool>,
}

/// Who the page's address is for.
struct Link {
    /// Of a guest.
    name: Option<String>,
    /// An id, and a token that somebody else has given.
    token: Option<(String, String)>,
}

impl Link {
    /// Takes it out of the address, which may be given to others.
    fn take() -> Self {
        let token = browser::fragment("user").zip(browser::fragment("token"));
        let link = Self { name: browser::parameter("name"), token };
        browser::clear_address();
        link
    }
}

/// What is shown. Handles, so that what is done with them may show something else.
#[derive(Clone)]
enum Screen {
    /// It is not known how users say who they are.
    Empty,
    Join(Rc<Join>),
    Chat(Rc<Chat>),
}

/// Starts the page, which lives until the browser lets go of it.
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

    /// Who has been here comes in at once, by what the server said then, and it is asked beside that. Whoever has not has to
    /// wait for its answer, but not in front of nothing.
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

    /// What the server says of it may be something new.
    fn learn(&self, auth: Auth) {
        if self.auth.get() != Some(auth) {
            self.open(auth);
        }
    }

    /// Who has been here comes in; the others, and whose name is not valid any more, are asked who they are.
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

    /// The name of the guest: that of the address, unless one has another and keeps it.
    fn guest(&self) -> Option<String> {
        let kept = storage::kept(NAME);
        let named = self.link.name.as_ref().map(|name| name.trim());
        match (named, kept.as_deref().map(str::trim)) {
            (Some(name), Some(me)) if name != me && !self.may_become(name, me) => kept,
            (Some(name), _) => Some(name.to_owned()),
            (None, _) => kept,
        }
    }

    /// Whoever the address has a token of, unless one is somebody else and stays that.
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

    /// Stops what goes on here if another tab has signed out, or is somebody else's now.
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

    /// Nobody is here any more, in no tab.
    fn sign_out(&self, chat: &Chat) {
        // What is written and not sent stays for the user's next visit.
        chat.rooms.remember();
        if let Some(account) = chat.rooms.account() {
            account.sign_out();
        }
        who::leave();
        browser::reload();
    }

    /// Asks who somebody is, because of this problem. What they have written and not sent stays for the next visit.
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

    /// By a name of one's choice.
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

    /// Whether whoever is in the rooms may be there: a browser hides what a server says that refuses a connection.
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
            // Meanwhile it may have come about.
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

    /// One listener for each kind of event: what it is about, the element says.
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
                // The second click of two is not meant for what has come under the pointer since the first.
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
            // Who comes back to the page sees what is there.
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

/// Nothing else is held down with it.
fn is_plain(key: &KeyboardEvent) -> bool {
    !(key.is_composing() || key.shift_key() || key.ctrl_key() || key.alt_key() || key.meta_key())
}

/// Whether this Enter sends. One that ends the input of a Japanese or Chinese word sends nothing (in Safari only its number says
/// that it is one); with Shift it begins a new line, and on a keyboard on the screen too, which has no Shift for it.
fn sends(enter: &KeyboardEvent) -> bool {
    let is_input = enter.is_composing() || enter.key_code() == 229;
    !is_input && !enter.shift_key() && (!browser::is_touched() || enter.ctrl_key() || enter.meta_key())
}

/// The same at every visit.
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
