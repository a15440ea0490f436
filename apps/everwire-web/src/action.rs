//! What a button does: its attribute `data-do`, in the markup and in the elements that the views create.

/// What a button does; each has a name for the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Connect again, at once.
    Again,
    /// Sign in as another user.
    AskWho,
    /// Close the list of rooms.
    Close,
    /// Copy a message.
    Copy,
    /// Copy the link to the room.
    CopyLink,
    /// Take a message back into what is being written.
    Edit,
    /// Go to a room that is not in the list yet.
    Find,
    /// Go to a room of the list.
    Go,
    /// Leave a room.
    Leave,
    /// Open or close the list of rooms.
    Menu,
    /// Take a name that is offered.
    Name,
    /// Show the newest message.
    Newest,
    /// Switch notifications on or off.
    Notify,
    /// Show the users of the room.
    People,
    /// Mark all messages as read.
    ReadAll,
    /// Send a message again.
    Retry,
    /// Sign out.
    SignOut,
    /// Switch the sound on or off.
    Sound,
    /// Take a message back, or remove a failed one.
    TakeBack,
    /// Load the new version of the page.
    Update,
}

/// The attribute's name.
pub(crate) const ATTRIBUTE: &str = "data-do";

const ALL: [(Action, &str); 20] = [
    (Action::Again, "again"),
    (Action::AskWho, "ask-who"),
    (Action::Close, "close"),
    (Action::Copy, "copy"),
    (Action::CopyLink, "copy-link"),
    (Action::Edit, "edit"),
    (Action::Find, "find"),
    (Action::Go, "go"),
    (Action::Leave, "leave"),
    (Action::Menu, "menu"),
    (Action::Name, "name"),
    (Action::Newest, "newest"),
    (Action::Notify, "notify"),
    (Action::People, "people"),
    (Action::ReadAll, "read-all"),
    (Action::Retry, "retry"),
    (Action::SignOut, "sign-out"),
    (Action::Sound, "sound"),
    (Action::TakeBack, "take-back"),
    (Action::Update, "update"),
];

impl Action {
    /// The action of this name; `None` if there is none.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(action, _)| *action)
    }

    /// The attribute's value.
    pub(crate) fn name(self) -> &'static str {
        ALL.iter().find(|(action, _)| *action == self).map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, Action};

    const MARKUP: &str = include_str!("../page/index.html");

    /// The values of an attribute in the page's markup.
    fn values(attribute: &str) -> Vec<&'static str> {
        let parts = MARKUP.split(attribute).skip(1);
        parts.filter_map(|part| part.strip_prefix("=\"")?.split('"').next()).collect()
    }

    #[test]
    fn every_button_of_the_markup_has_a_known_action() {
        let asked = values("data-do");
        assert!(asked.len() > 10);
        for name in asked {
            assert!(Action::parse(name).is_some(), "{name}");
        }
    }

    #[test]
    fn each_action_has_a_name_of_its_own() {
        for (action, name) in ALL {
            assert_eq!((Action::parse(name), action.name()), (Some(action), name));
        }
    }

    #[test]
    fn the_markup_has_exactly_the_templates_that_the_views_copy() {
        let there = values("<template id");
        let views = [
            include_str!("view/chat.rs"),
            include_str!("view/join.rs"),
            include_str!("view/message.rs"),
            include_str!("view/side.rs"),
        ];
        let copied = views.iter().flat_map(|view| view.split("dom::template(\"").skip(1));
        let copied: Vec<_> = copied.filter_map(|part| part.split('"').next()).collect();
        assert!(copied.len() >= 6);
        for name in &copied {
            assert!(there.contains(name), "{name} is not in the markup");
        }
        // `start.js` copies this one, when the client has failed.
        for name in there.iter().filter(|name| **name != "wrong") {
            assert!(copied.contains(name), "nobody copies {name}");
        }
    }
}
