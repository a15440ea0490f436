use super::*;
use crate::store::accounts::UserSignIn;
use crate::store::cluster::fault::ClusterFault;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_decides_of_users_holds_on_all_and_for_the_commands() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder()];
    let [first, second] = [0, 1].map(|node| join(&nats, &folders[node].1).unwrap().0);
    let (mut here, mut there) = (first.accounts().unwrap(), second.accounts().unwrap());
    assert_eq!(here.key().unwrap(), there.key().unwrap(), "tokens of one are good at the other");
    let mut commands = super::super::open_accounts(&nats.settings()).unwrap();
    assert_eq!(commands.add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    let seen = |what: &str, accounts: &ClusterAccounts, is: &dyn Fn(&ClusterAccounts) -> bool| {
        wait_for(what, || is(accounts).then_some(()));
    };
    for accounts in [&here, &there] {
        seen("account", accounts, &|accounts| accounts.login("ana").unwrap().is_some());
    }
    // A refresh token is exchanged once, on whichever node it comes.
    let generation = here.login("ana").unwrap().unwrap().generation;
    assert!(matches!(here.begin(&of_ana(generation, b"1", i64::MAX)).unwrap(), SignInOutcome::SignedIn(_)));
    seen("sign-in", &there, &|accounts| accounts.family("1").is_some());
    assert!(matches!(there.refresh(token("1"), b"2", i64::MAX, 1).unwrap(), RefreshOutcome::For(..)));
    assert!(
        matches!(here.refresh(token("1"), b"2b", i64::MAX, 1).unwrap(), RefreshOutcome::For(_, void) if void == [b"2".to_vec()])
    );
    // A node that has not heard of the latest exchange yet says that it does not know, and is asked again.
    let asked = std::cell::RefCell::new(&mut there);
    let outcome = wait_for("the theft", || match asked.borrow_mut().refresh(token("2"), b"3", i64::MAX, 1) {
        Err(StoreError::Cluster(ClusterFault::Unknown)) => None,
        outcome => Some(outcome.unwrap()),
    });
    assert!(matches!(outcome, RefreshOutcome::Stolen { .. }));
    // A ban, told by the commands.
    assert!(commands.ban("ana", 5).unwrap());
    for accounts in [&here, &there] {
        seen("ban", accounts, &|accounts| accounts.standing("ana", "r", None, 1).unwrap().banned);
    }
    // A node that comes later knows all of it.
    let (third, _) = join(&nats, &folders[2].1).unwrap();
    let late = third.accounts().unwrap();
    assert!(late.standing("ana", "r", None, 1).unwrap().banned && late.key().unwrap() == here.key().unwrap());
    // Without the broker nobody is let in, after a while.
    drop(nats);
    seen("staleness", &late, &|accounts| accounts.standing("ana", "r", None, 1).is_err());
    for store in [first, second, third] {
        store.close();
    }
}

fn token(hash: &str) -> RefreshToken<'_> {
    RefreshToken { hash: hash.as_bytes(), family: None }
}

/// Two nodes' accounts, with ana's among them; the rest has to be kept.
fn two_with_ana() -> ([ClusterAccounts; 2], impl Sized) {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let stores = [0, 1].map(|node| join(&nats, &folders[node].1).unwrap().0);
    let mut accounts = [0, 1].map(|node| stores[node].accounts().unwrap());
    assert_eq!(accounts[0].add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    wait_for("account", || accounts[1].login("ana").unwrap());
    (accounts, (stores, folders, nats))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_refresh_token_ends_its_sign_in_however_old_it_is() {
    let ([mut here, mut there], _kept) = two_with_ana();
    let generation = here.login("ana").unwrap().unwrap().generation;
    here.begin(&of_ana(generation, b"0", 999)).unwrap();
    let of_f = |hash: &'static str| RefreshToken { hash: hash.as_bytes(), family: Some(("f", 0)) };
    for n in 0..40_u32 {
        let (old, new) = (n.to_string(), (n + 1).to_string());
        let old = RefreshToken { hash: old.as_bytes(), family: Some(("f", 0)) };
        // Given by the other node a moment ago.
        let at = if n % 2 == 0 { &mut there } else { &mut here };
        let refreshed = at.refresh(old, new.as_bytes(), i64::from(n) + 1_000, 1).unwrap();
        assert!(matches!(refreshed, RefreshOutcome::For(..)), "{n}: {refreshed:?}");
    }
    assert_eq!(here.family("0"), None, "nothing is known of it any more");
    let is_in = |family, grant| {
        let sign_in = Some(UserSignIn { family, grant });
        here.standing("ana", "r", sign_in, 1).unwrap().signed_in
    };
    assert!(is_in("f", b"0") && is_in("f", b"30"), "a connection that was made with it stays");
    assert!(!is_in("g", b"0"));
    assert_eq!(there.refresh(token("0"), b"x", i64::MAX, 1).unwrap(), RefreshOutcome::Over, "it might be made up");
    let stolen = RefreshOutcome::Stolen { family: "f".into(), user: "ana".into() };
    assert_eq!(there.refresh(of_f("0"), b"x", i64::MAX, 1).unwrap(), stolen);
    assert_eq!(here.refresh(of_f("40"), b"41", i64::MAX, 1).unwrap(), RefreshOutcome::Over, "for whoever has it");
    let sign_in = Some(UserSignIn { family: "f", grant: b"0" });
    assert!(!here.standing("ana", "r", sign_in, 1).unwrap().signed_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_names_that_look_alike_and_are_added_at_once_on_two_nodes_one_at_most_is_there_then() {
    let ([mut here, mut there], _kept) = two_with_ana();
    for round in 0..12 {
        let start = std::sync::Barrier::new(2);
        let (first, second) = (format!("1st{round}"), format!("another{round}"));
        let (name, like) = (format!("Name{round}"), format!("N\u{430}me{round}"));
        let add = |accounts: &mut ClusterAccounts, user: &str, name: &str| {
            start.wait();
            accounts.add(user, name, "hash", 2).unwrap()
        };
        let added = std::thread::scope(|scope| {
            let one = scope.spawn(|| add(&mut here, &first, &name));
            let other = scope.spawn(|| add(&mut there, &second, &like));
            [one.join().unwrap(), other.join().unwrap()]
        });
        here.catch_up().unwrap();
        let users: Vec<String> = here.accounts().unwrap().into_iter().map(|account| account.user_id).collect();
        let there_are = [&first, &second].map(|user| users.contains(user));
        assert_eq!(there_are, added.clone().map(|added| added == AccountAdded::Now), "{added:?}");
        assert_ne!(there_are, [true, true], "{added:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_newer_than_what_a_node_can_learn_is_neither_stolen_nor_signed_out() {
    let ([mut here, mut there], _kept) = two_with_ana();
    let generation = here.login("ana").unwrap().unwrap().generation;
    here.begin(&of_ana(generation, b"0", i64::MAX)).unwrap();
    let as_of = here.known_up_to().unwrap().unwrap();
    wait_for("the sign-in", || there.known_up_to().unwrap().filter(|known| *known >= as_of));
    // As if the server that the node asks did not know its stream's end yet.
    let newer = RefreshToken { hash: b"not here yet", family: Some(("f", as_of + 1)) };
    let refused = there.refresh(newer, b"1", i64::MAX, 1);
    assert!(matches!(refused, Err(StoreError::Cluster(crate::ClusterFault::Behind))), "{refused:?}");
    let first = RefreshToken { hash: b"0", family: Some(("f", as_of)) };
    assert!(matches!(there.refresh(first, b"1", i64::MAX, 1).unwrap(), RefreshOutcome::For(..)), "it goes on");
}
