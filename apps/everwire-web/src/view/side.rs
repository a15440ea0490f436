use std::cell::{Cell, RefCell};
use std::rc::Rc;

use everwire_chat::User;
use everwire_i18n::{Text, Words};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement, HtmlInputElement};

use super::message::avatar;
use crate::action::{ATTRIBUTE, Action};
use crate::browser;
use crate::dom::{self, Switch};
use crate::room::Room;
use crate::rooms::Rooms;
use crate::unread::Count;

/// The list of rooms and of present users. On a narrow screen it covers the messages.
pub(super) struct Side {
    words: Words,
    /// Our own name.
    places: HtmlElement,
    people: HtmlElement,
    new_room: HtmlInputElement,
    others: HtmlElement,
    no_others: Switch,
    notify: HtmlInputElement,
    sound: HtmlInputElement,
    /// Says that the browser does not allow notifications.
    barred: HtmlElement,
    problem: dom::Words,
    /// The room, by its index and the version of the list, for which the user was warned that messages wait.
    warned: Cell<Option<(usize, u64)>>,
    shown: RefCell<Shown>,
}

/// What is in the document.
#[derive(Default)]
struct Shown {
    /// The version of the list of rooms.
    version: Option<u64>,
    /// The number of unread messages of each room.
    unread: Vec<dom::Words>,
    /// The room whose users are shown, and their version.
    people: Option<(String, u64)>,
}

impl Side {
    pub(super) fn new(chat: &Element, rooms: &Rooms, words: Words) -> Self {
        let say = |selector, text| dom::find(chat, selector).set_text_content(Some(&words.say(&text)));
        say(".places", Text::Rooms);
        say(".present", Text::Who);
        say(".sign-out", if rooms.account().is_some() { Text::SignOut } else { Text::OtherName });
        say("h2.others", Text::OtherRooms);
        say(".notify span", Text::Notify);
        say(".sound span", Text::Sound);
        let notify: HtmlInputElement = dom::find(chat, ".notify input").unchecked_into();
        notify.set_checked(rooms.alerts().notifies());
        let sound: HtmlInputElement = dom::find(chat, ".sound input").unchecked_into();
        sound.set_checked(rooms.alerts().has_sound());
        let new_room: HtmlInputElement = dom::find(chat, ".new-room input").unchecked_into();
        new_room.set_placeholder(&words.say(&Text::NewRoom));
        dom::label(chat, ".new-room input", &words.say(&Text::NewRoom));
        dom::label(chat, ".new-room button", &words.say(&Text::NewRoom));
        Self {
            words,
            places: dom::find(chat, "ul.rooms"),
            people: dom::find(chat, "ul.people"),
            new_room,
            others: dom::find(chat, "ul.others"),
            no_others: Switch::at(chat, "h2.others", "hidden", true),
            notify,
            sound,
            barred: dom::find(chat, ".barred"),
            problem: dom::Words::at(chat, ".new-room .problem"),
            warned: Cell::default(),
            shown: RefCell::default(),
        }
    }

    pub(super) fn show(&self, rooms: &Rooms, room: &Room) {
        let mut shown = self.shown.borrow_mut();
        if shown.version.replace(rooms.version()) != Some(rooms.version()) {
            shown.unread = self.show_rooms(rooms);
            self.show_others(rooms);
        }
        rooms.each(|at, room| {
            let Count { messages, or_more } = room.unread();
            let mark = if room.is_mentioned() { "@" } else { "" };
            let more = if or_more { "+" } else { "" };
            let words = if messages > 0 { format!("{mark}{messages}{more}") } else { String::new() };
            if let Some(count) = shown.unread.get(at) {
                count.show(words);
            }
        });
        if self.warned.get().is_some_and(|(at, version)| version != rooms.version() || rooms.waiting(at) == 0) {
            self.warned.take();
            self.problem.show(String::new());
        }
        let people = (room.name().to_owned(), room.users_version());
        if shown.people.as_ref() != Some(&people) {
            self.show_people(room);
            shown.people = Some(people);
        }
    }

    fn show_rooms(&self, rooms: &Rooms) -> Vec<dom::Words> {
        let had_focus = browser::has_focus(&self.places);
        self.places.set_text_content(None);
        let mut counts = Vec::new();
        let (several, active) = (rooms.count() > 1, rooms.active());
        rooms.each(|at, room| {
            let item = dom::template("room-of-ours");
            let go = dom::find(&item, "button");
            dom::set(&go, "data-at", &at.to_string());
            dom::find(&item, "span").set_text_content(Some(room.name()));
            if at == active {
                item.set_class_name("active");
                dom::set(&go, "aria-current", "true");
            }
            if several {
                let leave = dom::add(&item, "button");
                leave.set_class_name("icon");
                leave.set_text_content(Some("×"));
                dom::set(&leave, ATTRIBUTE, Action::Leave.name());
                dom::set(&leave, "data-at", &at.to_string());
                dom::set(&leave, "aria-label", &self.words.say(&Text::LeaveRoom { room: room.name() }));
            }
            counts.push(dom::Words::at(&item, ".count"));
            let _ = self.places.append_child(&item);
        });
        if had_focus {
            self.focus();
        }
        counts
    }

    /// Shows the rooms that the server lists and the user has not joined.
    fn show_others(&self, rooms: &Rooms) {
        self.others.set_text_content(None);
        let words = self.words.within();
        let others = rooms.others();
        self.no_others.turn(others.is_empty());
        for other in others {
            let item = dom::template("room-of-ours");
            let go = dom::find(&item, "button");
            dom::set(&go, ATTRIBUTE, Action::Find.name());
            dom::set(&go, "data-room", &other.room);
            dom::find(&item, "span").set_text_content(Some(&other.room));
            dom::find(&item, ".count").remove();
            let here = Text::InRoom { count: other.here };
            let what = words.say(if other.is_closed { &Text::MembersOnly } else { &here });
            dom::add(&go, "small").set_text_content(Some(&what));
            let _ = self.others.append_child(&item);
        }
    }

    /// The user has switched the sound on or off.
    pub(super) fn choose_sound(&self, rooms: &Rooms) {
        rooms.alerts().want_sound(self.sound.checked());
    }

    /// The user has switched notifications on or off.
    pub(super) fn choose_notifications(&self, rooms: &Rooms) {
        let alerts = Rc::clone(rooms.alerts());
        let (notify, barred, words) = (self.notify.clone(), self.barred.clone(), self.words.say(&Text::NotifyBarred));
        spawn_local(async move {
            let wanted = notify.checked();
            let granted = alerts.want_notifications(wanted).await;
            notify.set_checked(granted);
            barred.set_text_content(Some(if wanted && !granted { &words } else { "" }));
        });
    }

    /// Moves the keyboard's focus to the shown room.
    pub(super) fn focus(&self) {
        let _ = dom::find(&self.places, ".active button").focus();
    }

    fn show_people(&self, room: &Room) {
        self.people.set_text_content(None);
        let add = |user: &User, what: Option<&String>| {
            let person = dom::add(&self.people, "li");
            dom::set(&person, "dir", "auto");
            let _ = person.append_child(&avatar(&user.user_name, room.colour_of(&user.user_id)));
            dom::add(&person, "span").set_text_content(Some(&user.user_name));
            if let Some(what) = what {
                dom::add(&person, "small").set_text_content(Some(what));
            }
            person
        };
        add(&room.me(), Some(&self.words.within().say(&Text::You)));
        let away = self.words.within().say(&Text::Away);
        for user in &*room.users() {
            let person = add(user, user.away.then_some(&away));
            if user.away {
                person.set_class_name("away");
            }
        }
    }

    /// Leaves a room. If messages to it wait, the first call only warns the user.
    pub(super) fn leave(&self, rooms: &Rooms, at: usize) {
        let (count, room) = (rooms.waiting(at), Some((at, rooms.version())));
        if count > 0 && self.warned.replace(room) != room {
            self.problem.show(self.words.say(&Text::LeaveWaiting { count }));
        } else {
            rooms.leave(at);
        }
    }

    /// Joins the room whose name was typed; returns whether that worked.
    pub(super) fn join(&self, rooms: &Rooms) -> bool {
        let name = self.new_room.value();
        !name.trim().is_empty() && self.go(rooms, &name)
    }

    /// The same for a room that is listed.
    pub(super) fn go(&self, rooms: &Rooms, name: &str) -> bool {
        let joined = rooms.join(name);
        let is_joined = joined.is_ok();
        if is_joined {
            self.new_room.set_value("");
        }
        self.problem.show(joined.err().unwrap_or_default());
        is_joined
    }
}
