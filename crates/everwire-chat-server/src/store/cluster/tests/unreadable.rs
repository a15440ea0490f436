use super::*;
use crate::store::access_state::Subject;
use crate::store::accounts::UserSignIn;
use crate::store::cluster::fault::ClusterFault;
use crate::store::cluster::names;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nobody_can_read_counts_as_not_there_and_its_room_goes_on() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder()];
    let (first, log) = join(&nats, &folders[0].1).unwrap();
    let (second, _log) = join(&nats, &folders[1].1).unwrap();
    first.append(post("a", "1")).await;
    first.flush().await.unwrap();
    let (_, subject) = names::place("a");
    let run = |room: &str, first: u64| {
        let post = r#"{"id":"x","user":"u","name":"U","text":"t","sent":1}"#;
        format!(r#"{{"id":"r","room":"{room}","after":0,"first":{first},"stored":1,"posts":[{post}]}}"#)
    };
    let unreadable = ["{\"half\":", "\u{1}\u{2}", "", &run("another", 1), &run("a", 0), &run("a", u64::MAX)];
    for (n, payload) in (2..).zip(unreadable) {
        nats.write(&subject, payload).await;
        // Whether or not the nodes have met it by now.
        let node = if n % 2 == 0 { &first } else { &second };
        node.append(post("a", &n.to_string())).await;
        node.flush().await.unwrap();
    }
    nats.write(&subject, "the last one").await;
    let all = ["1", "2", "3", "4", "5", "6", "7"];
    let (third, _log) = join(&nats, &folders[2].1).unwrap();
    for node in [&first, &second, &third] {
        assert_eq!(settled(node, "a", 7).await, all);
        let number = |name: &str| node.status().numbers().into_iter().find(|number| number.name == name).unwrap().value;
        wait_for("level", || (number("cluster_lag_records") == 0).then_some(()));
        assert_eq!(number("cluster_void_records"), 7);
        node.check().await.unwrap();
    }
    assert!(log.lock().unwrap().iter().all(|(_, offset, is_new)| offset.is_some() && *is_new), "{log:?}");
    for node in [first, second, third] {
        node.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_by_a_record_that_nobody_can_read_until_it_is_written_anew() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder(), folder()];
    let (first, _log) = join(&nats, &folders[0].1).unwrap();
    let mut here = first.accounts().unwrap();
    here.add("ana", "Ana", "hash", 1).unwrap();
    let generation = here.login("ana").unwrap().unwrap().generation;
    here.begin(&of_ana(generation, b"1", i64::MAX)).unwrap();
    let is_in = |accounts: &ClusterAccounts, user: &str, room: &str| {
        let sign_in = Some(UserSignIn { family: "f", grant: b"1" });
        accounts.standing(user, room, sign_in, 1).map(|standing| standing.signed_in && !standing.banned)
    };
    assert!(is_in(&here, "ana", "den").unwrap());
    let subjects =
        [Subject::User("ana".into()), Subject::Room("den".into()), Subject::SignIn("f".into()), Subject::Key];
    for subject in &subjects {
        nats.write(&names::of_access(subject), "nonsense").await;
    }
    // A node that has known it, and one that comes later.
    let (second, _log) = join(&nats, &folders[1].1).unwrap();
    let mut there = second.accounts().unwrap();
    for accounts in [&here, &there] {
        wait_for("the user's", || accounts.login("ana").is_err().then_some(()));
        wait_for("the room's", || is_in(accounts, "ben", "den").is_err().then_some(()));
        assert!(matches!(is_in(accounts, "ana", "r"), Err(StoreError::Cluster(ClusterFault::Unreadable))));
        assert!(accounts.standing("ben", "r", None, 1).is_ok(), "others come in");
    }
    // All of it is written again, by a node or by the commands.
    let mut commands = super::super::open_accounts(&nats.settings()).unwrap();
    assert_eq!(commands.add("ana", "Ana", "new", 1).unwrap(), AccountAdded::Now);
    assert!(here.close_room("den").unwrap() && here.open_room("den").unwrap());
    for accounts in [&here, &there] {
        wait_for("ana", || accounts.login("ana").ok().flatten().filter(|login| login.password == "new"));
        wait_for("the room", || is_in(accounts, "ben", "den").ok());
    }
    wait_for("the sign-in", || is_in(&here, "ana", "r").is_ok_and(|is_in| !is_in).then_some(()));
    assert_eq!(
        there.refresh(RefreshToken { hash: b"1", family: Some(("f", 0)) }, b"2", i64::MAX, 1).unwrap(),
        RefreshOutcome::Over
    );
    // The first node that started since has written the key again.
    let [third, fourth] = [2, 3].map(|node| join(&nats, &folders[node].1).unwrap().0);
    let keys = [&second, &third, &fourth].map(|node| node.accounts().unwrap().key().unwrap());
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    for node in [first, second, third, fourth] {
        node.close();
    }
}
