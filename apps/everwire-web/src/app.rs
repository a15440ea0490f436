//! From the name that somebody gives to the rooms that are shown.

use everwire_chat::User;
use everwire_words::{Language, Words};
use leptos::prelude::*;

use wasm_bindgen_futures::spawn_local;

use crate::account::{Account, Auth};
use crate::browser;
use crate::room::Room;
use crate::view::{Chat, Join};

const NAME: &str = "everwire.name";
const ID: &str = "everwire.id";
const ROOMS: &str = "everwire.rooms";
const DEFAULT_ROOM: &str = "lobby";

/// The rooms, and which of them is shown. There is always one.
#[derive(Clone, Copy)]
pub(crate) struct Rooms {
    pub(crate) all: RwSignal<Vec<Room>, LocalStorage>,
    pub(crate) active: RwSignal<usize>,
    user: StoredValue<User>,
    account: StoredValue<Option<Account>>,
    words: StoredValue<Words>,
    /// Rooms live as long as the page, whatever part of the screen they were asked for in.
    owner: StoredValue<Owner>,
}

#[component]
pub(crate) fn App() -> impl IntoView {
    let language = language();
    set_page_language(language);
    let words = StoredValue::new(Words::new(language).isolating());
    provide_context(words);
    let rooms = RwSignal::new_local(None::<Rooms>);
    let owner = StoredValue::new(Owner::current().unwrap_or_default());
    let enter = Enter { rooms, words, owner };
    let auth = RwSignal::new(None::<Auth>);
    spawn_local(async move {
        let asked = Auth::ask().await.unwrap_or(Auth::Guest);
        enter.again(asked);
        auth.set(Some(asked));
    });
    move || match (rooms.get(), auth.get()) {
        (Some(rooms), _) => view! { <Chat rooms/> }.into_any(),
        (None, Some(auth)) => view! { <Join enter auth/> }.into_any(),
        (None, None) => ().into_any(),
    }
}

/// The way in.
#[derive(Clone, Copy)]
pub(crate) struct Enter {
    rooms: RwSignal<Option<Rooms>, LocalStorage>,
    words: StoredValue<Words>,
    owner: StoredValue<Owner>,
}

impl Enter {
    /// By a name of one's choice.
    pub(crate) fn guest(self, name: &str) -> Result<(), String> {
        let user = User::new(own_id(), name.trim());
        self.user(user, None)?;
        browser::keep(NAME, name);
        Ok(())
    }

    pub(crate) fn account(self, account: Account) -> Result<(), String> {
        let user = User::new(account.user.clone(), account.user.clone());
        self.user(user, Some(account))
    }

    /// Who has been here comes in at once; what is not valid any more is asked for again.
    fn again(self, auth: Auth) {
        let _ = match auth {
            Auth::Guest => match browser::parameter("name").or_else(|| browser::kept(NAME)) {
                Some(name) => self.guest(&name),
                None => return,
            },
            Auth::Password | Auth::Token => match Account::given().or_else(Account::kept) {
                Some(account) => self.account(account),
                None => return,
            },
        };
    }

    fn user(self, user: User, account: Option<Account>) -> Result<(), String> {
        let Self { rooms, words, owner } = self;
        let entered = owner.get_value().with(|| Rooms::enter(user, account, words, owner))?;
        rooms.set(Some(entered));
        Ok(())
    }
}

impl Rooms {
    fn enter(
        user: User,
        account: Option<Account>,
        words: StoredValue<Words>,
        owner: StoredValue<Owner>,
    ) -> Result<Self, String> {
        let kept = browser::kept(ROOMS).unwrap_or_default();
        let mut names: Vec<String> = kept.split('\n').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let wanted = browser::parameter("room");
        if let Some(room) = wanted.clone().or_else(|| names.is_empty().then(|| DEFAULT_ROOM.to_owned()))
            && !names.contains(&room)
        {
            names.push(room);
        }
        let mut all = Vec::new();
        for name in &names {
            all.push(Room::join(name, &user, account.clone(), words).map_err(|error| in_words(&error))?);
        }
        let active = wanted.and_then(|room| names.iter().position(|name| *name == room)).unwrap_or(0);
        all[active].set_active(true);
        let (all, active) = (RwSignal::new_local(all), RwSignal::new(active));
        let (user, account) = (StoredValue::new(user), StoredValue::new(account));
        let rooms = Self { all, active, user, account, words, owner };
        rooms.keep();
        Ok(rooms)
    }

    /// The room that is shown.
    pub(crate) fn shown(self) -> Room {
        let at = self.active.get();
        self.all.with(|all| all[at.min(all.len() - 1)].clone())
    }

    pub(crate) fn go_to(self, at: usize) {
        let before = self.active.get_untracked();
        if before != at {
            self.all.with_untracked(|all| {
                all[before].set_active(false);
                all[at].set_active(true);
            });
            self.active.set(at);
        }
    }

    /// Joins a room, or goes there.
    pub(crate) fn join(self, name: &str) -> Result<(), String> {
        let name = name.trim();
        let known = self.all.with_untracked(|all| all.iter().position(|room| room.name() == name));
        let at = match known {
            Some(at) => at,
            None => {
                let (user, account) = (self.user.get_value(), self.account.get_value());
                let room = self.owner.get_value().with(|| Room::join(name, &user, account, self.words));
                let room = room.map_err(|error| in_words(&error))?;
                self.all.update(|all| all.push(room));
                self.keep();
                self.all.with_untracked(Vec::len) - 1
            }
        };
        self.go_to(at);
        Ok(())
    }

    /// Leaves a room, unless it is the only one.
    pub(crate) fn leave(self, at: usize) {
        let len = self.all.with_untracked(Vec::len);
        if len < 2 {
            return;
        }
        if self.active.get_untracked() == at {
            self.go_to(if at == 0 { 1 } else { at - 1 });
        }
        let active = self.active.get_untracked();
        self.all.update(|all| drop(all.remove(at)));
        self.active.set(if active > at { active - 1 } else { active });
        self.keep();
    }

    pub(crate) fn me(self) -> String {
        self.user.with_value(|user| user.user_name.clone())
    }

    fn keep(self) {
        let names = self.all.with_untracked(|all| all.iter().map(|room| room.name().to_owned()).collect::<Vec<_>>());
        browser::keep(ROOMS, &names.join("\n"));
    }
}

fn in_words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The same at every visit.
fn own_id() -> String {
    browser::kept(ID).unwrap_or_else(|| {
        let id = everwire_chat::wire::new_id();
        browser::keep(ID, &id);
        id
    })
}

fn language() -> Language {
    let asked = browser::parameter("lang");
    asked.into_iter().chain(browser::languages()).find_map(|name| Language::of(&name)).unwrap_or_default()
}

fn set_page_language(language: Language) {
    if let Some(root) = browser::document().document_element() {
        let _ = root.set_attribute("lang", language.code());
    }
}
