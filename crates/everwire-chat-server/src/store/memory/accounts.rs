use std::collections::{BTreeMap, BTreeSet};

use crate::clock::ClockReading;
use crate::domain::are_confusable;
use crate::store::accounts::{
    Account, AccountAdded, AccountStore, ClosedRoom, Listed, Login, NewSignIn, RefreshOutcome, RefreshToken, SignIn,
    SignInOutcome, Standing, UserSignIn,
};
use crate::store::error::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

#[derive(Debug, Default)]
pub(super) struct MemoryAccounts {
    accounts: BTreeMap<String, Known>,
    bans: BTreeMap<String, i64>,
    closed: BTreeSet<String>,
    published: BTreeSet<String>,
    members: BTreeSet<(String, String)>,
    tokens: BTreeMap<Vec<u8>, Token>,
    clock: Option<ClockReading>,
    revision: i64,
}

#[derive(Clone, Debug)]
struct Known {
    name: String,
    password: String,
    generation: i64,
    created: i64,
}

#[derive(Clone, Debug)]
struct Token {
    family: String,
    user: String,
    generation: i64,
    expires: i64,
    parent: Option<Vec<u8>>,
    used: bool,
    /// The one that it gave was used.
    is_void: bool,
    /// Its parent gave another.
    is_replaced: bool,
}

impl MemoryAccounts {
    fn changed(&mut self, changed: bool) -> Result<bool> {
        self.revision += i64::from(changed);
        Ok(changed)
    }

    fn end_sign_ins_of(&mut self, user: &str) {
        self.tokens.retain(|_, token| token.user != user);
    }

    fn next_generation(&mut self, user: &str) {
        if let Some(account) = self.accounts.get_mut(user) {
            account.generation += 1;
        }
    }

    fn insert(&mut self, sign_in: &SignIn, parent: Option<&[u8]>, expires: i64) {
        let SignIn { family, grant, user, generation, .. } = sign_in.clone();
        let parent = parent.map(<[u8]>::to_vec);
        let token =
            Token { family, user, generation, expires, parent, used: false, is_void: false, is_replaced: false };
        self.tokens.insert(grant, token);
    }
}

impl AccountStore for MemoryAccounts {
    fn key(&self) -> Result<String> {
        Ok("a key".into())
    }

    fn clock(&self) -> Result<Option<ClockReading>> {
        Ok(self.clock)
    }

    fn save_clock(&self, _: ClockReading) -> Result<()> {
        Ok(())
    }

    fn auth(&self) -> Result<Option<String>> {
        Ok(None)
    }

    fn revision(&self) -> Result<i64> {
        Ok(self.revision)
    }

    fn standing(&self, user: &str, room: &str, sign_in: Option<UserSignIn<'_>>, now: i64) -> Result<Standing> {
        let is_member = self.members.contains(&(room.to_owned(), user.to_owned()));
        let goes_on = |UserSignIn { family, grant }: UserSignIn<'_>| {
            self.tokens.get(grant).is_some_and(|token| {
                token.family == family && token.user == user && token.expires > now && !token.is_replaced
            })
        };
        Ok(Standing {
            generation: self.accounts.get(user).map(|account| account.generation),
            banned: self.bans.contains_key(user),
            shut_out: self.closed.contains(room) && !is_member,
            signed_in: sign_in.is_some_and(goes_on),
        })
    }

    fn login(&self, user: &str) -> Result<Option<Login>> {
        let login = |known: &Known| Login { password: known.password.clone(), generation: known.generation };
        Ok(self.accounts.get(user).map(login))
    }

    fn begin(&mut self, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome> {
        let NewSignIn { user, generation, hash, family, expires, now } = *sign_in;
        let Some(Known { name, generation: present, .. }) = self.accounts.get(user).cloned() else {
            return Ok(SignInOutcome::Changed);
        };
        if self.bans.contains_key(user) {
            return Ok(SignInOutcome::Banned);
        }
        if present != generation {
            return Ok(SignInOutcome::Changed);
        }
        self.tokens.retain(|_, token| token.expires > now);
        let (family, grant, user) = (family.to_owned(), hash.to_owned(), user.to_owned());
        let sign_in = SignIn { family, grant, user, user_name: name, generation };
        self.insert(&sign_in, None, expires);
        Ok(SignInOutcome::SignedIn(sign_in))
    }

    fn refresh(
        &mut self,
        RefreshToken { hash: old, family }: RefreshToken<'_>,
        new: &[u8],
        expires: i64,
        now: i64,
    ) -> Result<RefreshOutcome> {
        if let Some((family, _)) = family
            && !self.tokens.contains_key(old)
            && let Some(user) =
                self.tokens.values().find(|token| token.family == family).map(|token| token.user.clone())
        {
            self.tokens.retain(|_, token| token.family != family);
            return Ok(RefreshOutcome::Stolen { family: family.to_owned(), user });
        }
        let Some(token) = self.tokens.get(old).filter(|token| token.expires > now).cloned() else {
            return Ok(RefreshOutcome::Over);
        };
        let Token { family, user, generation, parent, .. } = token;
        let account = self.accounts.get(&user).filter(|account| account.generation == generation).cloned();
        let Some(Known { name, .. }) = account.filter(|_| !self.bans.contains_key(&user)) else {
            return Ok(RefreshOutcome::Over);
        };
        if token.is_void || token.is_replaced {
            self.tokens.retain(|_, token| token.family != family);
            return Ok(RefreshOutcome::Stolen { family, user });
        }
        let mut replaced = Vec::new();
        if token.used {
            for (hash, given) in &mut self.tokens {
                if given.parent.as_deref() == Some(old) && !given.is_void && !given.is_replaced {
                    given.is_replaced = true;
                    replaced.push(hash.clone());
                }
            }
        } else {
            if let Some(token) = self.tokens.get_mut(old) {
                token.used = true;
            }
            if let Some(parent) = parent.and_then(|parent| self.tokens.get_mut(&parent)) {
                parent.is_void = true;
            }
        }
        let sign_in = SignIn { family, grant: new.to_owned(), user, user_name: name, generation };
        self.insert(&sign_in, Some(old), expires);
        Ok(RefreshOutcome::For(sign_in, replaced))
    }

    fn end(&mut self, hash: &[u8]) -> Result<Option<String>> {
        let family = self.tokens.get(hash).map(|token| token.family.clone());
        self.tokens.retain(|_, token| Some(&token.family) != family.as_ref());
        Ok(family)
    }

    fn add(&mut self, user: &str, name: &str, password: &str, now: i64) -> Result<AccountAdded> {
        let others = self.accounts.iter().filter(|(id, _)| *id != user);
        for (id, known) in others {
            if are_confusable(id, user) {
                return Ok(AccountAdded::IdLooksLike(id.clone()));
            }
            if are_confusable(&known.name, name) {
                return Ok(AccountAdded::LooksLike(id.clone()));
            }
        }
        if self.accounts.contains_key(user) {
            return Ok(AccountAdded::Before);
        }
        let known = Known { name: name.into(), password: password.into(), generation: now, created: now };
        self.accounts.insert(user.to_owned(), known);
        self.changed(true).map(|_| AccountAdded::Now)
    }

    fn set_password(&mut self, user: &str, password: &str) -> Result<bool> {
        self.end_sign_ins_of(user);
        self.next_generation(user);
        let account = self.accounts.get_mut(user);
        let is_known = account.map(|account| account.password = password.to_owned()).is_some();
        self.changed(is_known)
    }

    fn remove(&mut self, user: &str) -> Result<bool> {
        let removed = self.accounts.remove(user).is_some();
        if removed {
            self.end_sign_ins_of(user);
            self.members.retain(|(_, member)| member != user);
        }
        self.changed(removed)
    }

    fn ban(&mut self, user: &str, now: i64) -> Result<bool> {
        self.end_sign_ins_of(user);
        self.next_generation(user);
        let is_new = !self.bans.contains_key(user);
        self.bans.entry(user.to_owned()).or_insert(now);
        self.changed(is_new)
    }

    fn unban(&mut self, user: &str) -> Result<bool> {
        let removed = self.bans.remove(user).is_some();
        self.changed(removed)
    }

    fn accounts(&self) -> Result<Vec<Account>> {
        let account = |(id, known): (&String, &Known)| {
            let (user_id, user_name, is_banned) = (id.clone(), Some(known.name.clone()), self.bans.contains_key(id));
            Account { user_id, user_name, since: known.created, is_banned }
        };
        let without = self.bans.iter().filter(|(user, _)| !self.accounts.contains_key(*user));
        let banned = |(id, since): (&String, &i64)| Account {
            user_id: id.clone(),
            user_name: None,
            since: *since,
            is_banned: true,
        };
        let mut all: Vec<_> = self.accounts.iter().map(account).chain(without.map(banned)).collect();
        all.sort_by(|one, other| one.user_id.cmp(&other.user_id));
        Ok(all)
    }

    fn close_room(&mut self, room: &str) -> Result<bool> {
        let changed = self.closed.insert(room.to_owned());
        self.changed(changed)
    }

    fn open_room(&mut self, room: &str) -> Result<bool> {
        let changed = self.closed.remove(room);
        self.changed(changed)
    }

    fn admit(&mut self, room: &str, user: &str) -> Result<bool> {
        let changed = self.members.insert((room.to_owned(), user.to_owned()));
        self.changed(changed)
    }

    fn dismiss(&mut self, room: &str, user: &str) -> Result<bool> {
        let changed = self.members.remove(&(room.to_owned(), user.to_owned()));
        self.changed(changed)
    }

    fn closed_rooms(&self) -> Result<Vec<ClosedRoom>> {
        let members =
            |room: &String| self.members.iter().filter(|(of, _)| of == room).map(|(_, user)| user.clone()).collect();
        Ok(self.closed.iter().map(|room| ClosedRoom { room: room.clone(), members: members(room) }).collect())
    }

    fn publish_room(&mut self, room: &str) -> Result<bool> {
        Ok(self.published.insert(room.to_owned()))
    }

    fn unpublish_room(&mut self, room: &str) -> Result<bool> {
        Ok(self.published.remove(room))
    }

    fn published_rooms(&self) -> Result<Vec<String>> {
        Ok(self.published.iter().cloned().collect())
    }

    fn listed(&self, user: Option<&str>, always: &str, most: usize) -> Result<Vec<Listed>> {
        let is_open = |room: &&String| user.is_none() || !self.closed.contains(*room);
        let mut open: BTreeSet<String> = self.published.iter().filter(is_open).cloned().collect();
        let always = always.to_owned();
        if is_open(&&always) {
            open.insert(always);
        }
        let own = self
            .closed
            .iter()
            .filter(|room| user.is_some_and(|user| self.members.contains(&((*room).clone(), user.to_owned()))));
        let open = open.into_iter().map(|room| Listed { room, is_closed: false });
        let mut all: Vec<_> = open.chain(own.map(|room| Listed { room: room.clone(), is_closed: true })).collect();
        all.sort_by(|one, other| one.room.cmp(&other.room));
        all.truncate(most);
        Ok(all)
    }
}
