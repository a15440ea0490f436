use std::collections::HashMap;

use everwire_chat_core::wire::User;

/// Which users are in a room, over all their connections.
#[derive(Debug, Default)]
pub(super) struct Presence {
    here: HashMap<String, Here>,
    /// How many times the last connection of any user has gone: this numbers the leavings, so that a later one of the same
    /// user is another.
    leavings: u64,
}

#[derive(Debug)]
struct Here {
    name: String,
    connections: usize,
    /// The number of those connections on which the user is away.
    away: usize,
    /// What was last told of that, and of the name.
    told_away: bool,
    told_name: String,
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
    pub(super) fn enter(&mut self, user: &User, away: bool) -> bool {
        if let Some(here) = self.here.get_mut(&user.user_id) {
            here.connections += 1;
            here.away += usize::from(away);
            here.leaving = None;
            // The name that it has now is its name.
            here.name.clone_from(&user.user_name);
            return false;
        }
        let name = user.user_name.clone();
        let told_name = name.clone();
        let here = Here { name, connections: 1, away: usize::from(away), told_away: false, told_name, leaving: None };
        self.here.insert(user.user_id.clone(), here);
        true
    }

    /// How many connections a user has.
    pub(super) fn connections(&self, user_id: &str) -> usize {
        self.here.get(user_id).map_or(0, |here| here.connections)
    }

    /// How many users are here.
    pub(super) fn count(&self) -> usize {
        self.here.len()
    }

    /// One connection less; the leaving, if it was the last.
    pub(super) fn exit(&mut self, user: User, away: bool) -> Option<Leaving> {
        let here = self.here.get_mut(&user.user_id)?;
        here.connections = here.connections.saturating_sub(1);
        here.away = here.away.saturating_sub(usize::from(away));
        if here.connections > 0 {
            return None;
        }
        self.leavings += 1;
        here.leaving = Some(self.leavings);
        Some(Leaving { user, number: self.leavings })
    }

    /// The user is away on one more of the connections, or is back on one.
    pub(super) fn turn(&mut self, user_id: &str, away: bool) {
        if let Some(here) = self.here.get_mut(user_id) {
            here.away = if away { here.away + 1 } else { here.away.saturating_sub(1) };
        }
    }

    /// The user is called otherwise from now on.
    pub(super) fn rename(&mut self, user_id: &str, name: &str) {
        if let Some(here) = self.here.get_mut(user_id) {
            name.clone_into(&mut here.name);
        }
    }

    /// The user's name, and whether the user is away, if either has changed since this was last told. A user without a
    /// connection stays as before.
    pub(super) fn news(&mut self, user_id: &str) -> Option<User> {
        let here = self.here.get_mut(user_id)?;
        let away = here.away == here.connections;
        if here.connections == 0 || (away == here.told_away && here.name == here.told_name) {
            return None;
        }
        here.told_away = away;
        here.told_name.clone_from(&here.name);
        Some(User { user_id: user_id.to_owned(), user_name: here.name.clone(), away })
    }

    /// Ends a leaving; the user, if it has not come back since.
    pub(super) fn expire(&mut self, leaving: &Leaving) -> Option<User> {
        let here = self.here.get(&leaving.user.user_id)?;
        if here.leaving != Some(leaving.number) {
            return None;
        }
        let here = self.here.remove(&leaving.user.user_id)?;
        Some(User::new(leaving.user.user_id.clone(), here.name))
    }

    pub(super) fn users(&self) -> Vec<User> {
        let user = |(id, here): (&String, &Here)| {
            let (user_id, user_name, away) = (id.clone(), here.name.clone(), here.told_away);
            User { user_id, user_name, away }
        };
        self.here.iter().map(user).collect()
    }
}
