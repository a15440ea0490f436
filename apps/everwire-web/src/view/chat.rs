use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use everwire_i18n::{Text, Words};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement};

use super::bar::Bar;
use super::composer::Composer;
use super::list::List;
use super::side::Side;
use crate::action::Action;
use crate::browser;
use crate::dom::{self, Switch};
use crate::room::Room;
use crate::rooms::Rooms;

/// How long a button shows that its action was done.
const SAID: Duration = Duration::from_secs(2);

/// The list of rooms, and the room that is shown.
pub(crate) struct Chat {
    pub(crate) rooms: Rc<Rooms>,
    words: Words,
    root: Element,
    update: Switch,
    /// The same for screen readers.
    done: HtmlElement,
    side: Side,
    /// Whether the list of rooms is open; on a narrow screen it covers the messages then.
    side_is_open: Cell<bool>,
    main: RefCell<Main>,
    title: RefCell<String>,
}

/// The room that is shown.
struct Main {
    room: Room,
    root: Element,
    bar: Bar,
    list: Rc<List>,
    composer: Composer,
}

impl Chat {
    /// Replaces the whole document's content.
    pub(crate) fn new(rooms: Rc<Rooms>, words: Words) -> Self {
        let root = dom::template("chat");
        dom::find(&root, ".update span").set_text_content(Some(&words.say(&Text::NewVersion)));
        dom::find(&root, ".update button").set_text_content(Some(&words.say(&Text::TakeVersion)));
        dom::label(&root, ".shade", &words.say(&Text::Close));
        let main = Main::new(rooms.shown(), words);
        let _ = dom::find(&root, "main").replace_with_with_node_1(&main.root);
        dom::show_only(&root);
        main.composer.focus();
        Self {
            update: Switch::at(&root, ".update", "hidden", true),
            done: dom::find(&root, ".done"),
            side: Side::new(&root, &rooms, words),
            rooms,
            words,
            root,
            side_is_open: Cell::new(false),
            main: RefCell::new(main),
            title: RefCell::default(),
        }
    }

    pub(crate) fn show(&self) {
        let room = self.rooms.shown();
        if !self.main.borrow().room.is(&room) {
            let main = Main::new(room.clone(), self.words);
            let before = self.main.replace(main);
            let main = self.main.borrow();
            let _ = before.root.replace_with_with_node_1(&main.root);
            main.composer.focus();
        }
        let main = self.main.borrow();
        let is_covered = self.side_is_open.get() && browser::is_narrow();
        if main.root.has_attribute("inert") != is_covered {
            dom::switch(&main.root, "inert", is_covered);
        }
        main.list.show(&room);
        main.bar.show(&room, self.side_is_open.get());
        if let Some(problem) = self.rooms.take_problem() {
            main.composer.complain_of(Err(problem));
        }
        main.composer.show(&room);
        self.side.show(&self.rooms, &room);
        self.update.turn(!browser::has_update());
        self.show_title(&room);
    }

    /// Shows the number of unread messages in the tab's title.
    fn show_title(&self, room: &Room) {
        let unread = self.rooms.unread();
        self.rooms.alerts().show_badge(unread.messages);
        let more = if unread.or_more { "+" } else { "" };
        let title = match unread.messages {
            0 => format!("{} – Everwire", room.name()),
            unread => format!("({unread}{more}) {} – Everwire", room.name()),
        };
        if *self.title.borrow() != title {
            browser::document().set_title(&title);
            *self.title.borrow_mut() = title;
        }
    }

    /// Opens or closes the list of rooms; on a narrow screen the keyboard's focus moves into it and back.
    pub(crate) fn open_side(&self, open: bool) {
        let was_open = self.side_is_open.replace(open);
        if open {
            self.rooms.look_for_others();
        }
        self.root.set_class_name(if open { "chat side-open" } else { "chat" });
        self.show();
        let main = self.main.borrow();
        if open == was_open || !browser::is_narrow() {
            return;
        }
        if open {
            self.side.focus();
        } else if !browser::has_focus(&main.root) {
            main.bar.focus();
        }
    }

    /// The server refuses the user in the shown room, for this reason.
    pub(crate) fn refuse(&self, code: String) {
        self.main.borrow().bar.refuse(code);
        self.show();
    }

    /// The server is up although the connection failed: the token may not be valid any more.
    pub(crate) fn doubt(&self) {
        if self.main.borrow().bar.doubt()
            && let Some(account) = self.rooms.account()
        {
            account.doubt();
        }
    }

    /// Does the action of a button.
    pub(crate) fn act(&self, action: Action, button: &Element) {
        let room = self.rooms.shown();
        let at = || button.get_attribute("data-at").and_then(|at| at.parse().ok());
        match action {
            Action::Menu => self.open_side(!self.side_is_open.get()),
            Action::People => {
                self.open_side(true);
                // On a wide screen, where the list is always open, the focus shows where it is.
                let _ = dom::find(&self.root, ".present").focus();
            }
            Action::Close => self.open_side(false),
            Action::Update => browser::tell("everwire-update-now"),
            Action::Newest => self.main.borrow().list.jump(),
            Action::ReadAll => room.read_all(),
            Action::Again => self.rooms.connect(),
            Action::Notify => self.side.choose_notifications(&self.rooms),
            Action::Sound => self.side.choose_sound(&self.rooms),
            Action::Find => {
                let name = button.get_attribute("data-room").unwrap_or_default();
                if self.side.go(&self.rooms, &name) {
                    self.open_side(false);
                }
            }
            Action::CopyLink => self.copy(browser::link_to(room.name()), button),
            Action::Go => {
                let Some(at) = at() else { return };
                self.rooms.go_to(at);
                self.open_side(false);
            }
            Action::Leave => {
                let Some(at) = at() else { return };
                self.side.leave(&self.rooms, at);
            }
            Action::Name => {
                let Some(at) = at() else { return };
                self.main.borrow().composer.take_name(at);
            }
            Action::Retry => self.change(button, |id| room.retry(id)),
            Action::TakeBack => self.change(button, |id| room.take_back(id)),
            Action::Edit => {
                let Some(id) = message_of(button) else { return };
                self.edit(&id);
            }
            Action::Copy => {
                let Some(id) = message_of(button) else { return };
                self.copy(room.text_of(&id).unwrap_or_default(), button);
            }
            // `App` handles these.
            Action::SignOut | Action::AskWho => {}
        }
    }

    /// Does something with the message of a button, and shows the error if it fails.
    fn change(&self, button: &Element, act: impl FnOnce(&str) -> Result<(), String>) {
        if let Some(id) = message_of(button) {
            self.main.borrow().composer.complain_of(act(&id));
        }
    }

    /// Moves the last own message back into the draft, if the draft is empty and the message has not arrived; returns whether
    /// that was tried.
    pub(crate) fn edit_last(&self) -> bool {
        let room = self.rooms.shown();
        let is_free = room.draft().is_empty();
        let last = if is_free { room.editable() } else { None };
        last.map(|id| self.edit(&id)).is_some()
    }

    fn edit(&self, id: &str) {
        let edited = self.rooms.shown().edit(id);
        self.main.borrow().composer.take_up(edited);
    }

    /// Copies a text to the clipboard, and shows that on the button.
    fn copy(&self, text: String, button: &Element) {
        let (button, heard, said) = (button.clone(), self.done.clone(), self.words.say(&Text::Copied));
        spawn_local(async move {
            if browser::copy(&text).await {
                dom::set(&button, "data-said", &said);
                heard.set_text_content(Some(&said));
                browser::later(SAID, move || {
                    let _ = button.remove_attribute("data-said");
                    heard.set_text_content(None);
                });
            }
        });
    }

    pub(crate) fn submit(&self, form: &str) {
        match form {
            "composer" => self.main.borrow().composer.send(),
            "new-room" if self.side.join(&self.rooms) => self.open_side(false),
            _ => {}
        }
    }

    /// The draft was changed.
    pub(crate) fn input(&self) {
        self.main.borrow().composer.on_input();
    }

    /// A key was pressed in the text area; returns whether it was handled.
    pub(crate) fn writes(&self, key: &str) -> bool {
        self.main.borrow().composer.on_key(key)
    }

    pub(crate) fn scrolled(&self) {
        self.main.borrow().list.on_scroll();
    }
}

impl Main {
    fn new(room: Room, words: Words) -> Self {
        let root = dom::template("room");
        Self {
            bar: Bar::new(&root, &room, words),
            list: List::new(&root, &room, words),
            composer: Composer::new(&root, room.clone(), words),
            room,
            root,
        }
    }
}

/// The id of the message that a button belongs to.
fn message_of(button: &Element) -> Option<String> {
    button.closest("[data-id]").ok()??.get_attribute("data-id")
}
