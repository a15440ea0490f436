use std::collections::HashMap;

use everwire_chat::wire::User;

/// Which users are in a room, over all their connections.
#[derive(Debug, Default)]
pub(super) struct Presence {
    here: HashMap<String, Here>,
    /// How many times somebody's last connection has gone: tells one leaving from a later one of the same user.
    leavings: u64,
}

#[derive(Debug)]
struct Here {
    name: String,
    connections: usize,
    /// The leaving that is under way while there is no connection.
    leaving: Option<u64>,
}

/// A user whose last connection has gone, and who may still come back unnoticed.
#[derive(Debug)]
pub(crate) struct Leaving {
    user: User,
    number: u64,
}

impl Presence {
    /// One more connection of this user; whether the user is new here.
    pub(super) fn enter(&mut self, user: &User) -> bool {
        if let Some(here) = self.here.get_mut(&user.user_id) {
            here.connections += 1;
            here.leaving = None;
            return false;
        }
        let here = Here { name: user.user_name.clone(), connections: 1, leaving: None };
        self.here.insert(user.user_id.clone(), here);
        true
    }

    /// One connection less; the leaving, if it was the last.
    pub(super) fn exit(&mut self, user: User) -> Option<Leaving> {
        let here = self.here.get_mut(&user.user_id)?;
        here.connections = here.connections.saturating_sub(1);
        if here.connections > 0 {
            return None;
        }
        self.leavings += 1;
        here.leaving = Some(self.leavings);
        Some(Leaving { user, number: self.leavings })
    }

    /// Ends a leaving; the user, if it has not come back since.
    pub(super) fn expire(&mut self, leaving: &Leaving) -> Option<User> {
        let here = self.here.get(&leaving.user.user_id)?;
        if here.leaving != Some(leaving.number) {
            return None;
        }
        let here = self.here.remove(&leaving.user.user_id)?;
        Some(User { user_id: leaving.user.user_id.clone(), user_name: here.name })
    }

    pub(super) fn users(&self) -> Vec<User> {
        let user = |(id, here): (&String, &Here)| User { user_id: id.clone(), user_name: here.name.clone() };
        self.here.iter().map(user).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty()
    }
}
