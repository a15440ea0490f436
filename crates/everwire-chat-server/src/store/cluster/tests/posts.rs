use super::*;
use crate::store::cluster::log::Patience;
use crate::store::messages::{Append, Producer};

#[tokio::test(flavor = "multi_thread")]
async fn rivals_in_one_room_lose_nothing_and_all_nodes_have_the_same_order() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder()];
    let nodes: Vec<_> = folders.iter().map(|(_, path)| join(&nats, path).unwrap()).collect();
    let posting = nodes.iter().enumerate().map(|(node, (store, _))| async move {
        for n in 0..60 {
            assert!(store.append(post("a", &format!("{node}-{n}"))).await);
        }
        store.flush().await.unwrap();
    });
    futures_util::future::join_all(posting).await;
    let mut orders = Vec::new();
    for (store, _) in &nodes {
        orders.push(settled(store, "a", 180).await);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    for (node, (_, log)) in nodes.iter().enumerate() {
        let told = log.lock().unwrap().clone();
        let own: Vec<_> = told.iter().filter(|(id, ..)| id.starts_with(&format!("{node}-"))).cloned().collect();
        let expected: Vec<_> = (0..60).map(|n| format!("{node}-{n}")).collect();
        assert_eq!(own.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), expected, "in the sender's order");
        assert!(own.iter().all(|(_, offset, is_new)| offset.is_some() && *is_new));
    }
    for (store, _) in nodes {
        store.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_the_same_message_on_whichever_node_it_comes_again() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let [first, second] = folders.each_ref().map(|(_, path)| join(&nats, path).unwrap());
    first.0.append(post("a", "1")).await;
    first.0.flush().await.unwrap();
    // Whether or not the second has applied it by now.
    second.0.append(post("a", "1")).await;
    second.0.append(post("a", "2")).await;
    second.0.flush().await.unwrap();
    assert_eq!(settled(&first.0, "a", 2).await, ["1", "2"]);
    assert!(second.1.lock().unwrap().contains(&("1".to_owned(), Some(1), false)), "{:?}", second.1);
    first.0.close();
    second.0.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_node_gets_all_that_there_is() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let (first, _log) = join(&nats, &folders[0].1).unwrap();
    for n in 1..=300 {
        first.append(post("a", &n.to_string())).await;
    }
    first.flush().await.unwrap();
    let (second, _log) = join(&nats, &folders[1].1).unwrap();
    assert_eq!(settled(&second, "a", 300).await, (1..=300).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(first.epoch(), second.epoch());
    let until = Instant::now() + PATIENCE;
    while let Err(error) = second.check().await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.close();
    second.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_wait_for_a_broker_that_is_away_and_are_stored_once() {
    let mut nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, log) = join(&nats, &data).unwrap();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    nats.kill();
    for id in ["2", "3"] {
        store.append(post("a", id)).await;
    }
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!(ids(&page), ["1"], "what was committed is read meanwhile");
    let _again = nats.start_again();
    store.flush().await.unwrap();
    assert_eq!(settled(&store, "a", 3).await, ["1", "2", "3"]);
    assert!(log.lock().unwrap().iter().all(|(_, offset, is_new)| offset.is_some() && *is_new));
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes_from_the_streams_and_a_new_node_begins_where_the_others_do() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let (first, _log) = join(&nats, &folders[0].1).unwrap();
    for n in 1..=20 {
        first.append(post("a", &n.to_string())).await;
        first.append(post("b", &n.to_string())).await;
        // A run each.
        first.flush().await.unwrap();
    }
    let keep = |messages| Retention { messages: Some(messages), time: None };
    assert_eq!(first.retain(keep(3)).await.unwrap(), 34);
    assert_eq!(first.retain(keep(0)).await.unwrap(), 6);
    let (second, log) = join(&nats, &folders[1].1).unwrap();
    second.append(post("a", "21")).await;
    second.flush().await.unwrap();
    let page = second.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["20", "21"], 21), "the last record is never removed");
    assert_eq!(log.lock().unwrap().clone(), [("21".to_owned(), Some(21), true)]);
    first.close();
    second.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_seen_more_than_a_node_waits_until_the_node_has_it_too() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let [first, second] = [0, 1].map(|node| join(&nats, &folders[node].1).unwrap().0);
    for n in 1..=100 {
        first.append(post("a", &n.to_string())).await;
        first.flush().await.unwrap();
        assert!(second.page("a", PageRequest::After(n)).await.unwrap().end >= n);
    }
    let made_up = second.page("a", PageRequest::After(u64::MAX)).await.unwrap();
    assert_eq!((made_up.messages.len(), made_up.end), (0, 100), "a position that nobody has is answered, too");
    first.close();
    second.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_for_too_long_are_given_up_room_by_room_and_not_all_at_once() {
    const ROOMS: usize = 24;
    let mut nats = Nats::start("");
    let (_folder, data) = folder();
    let patience = Patience { least: Duration::from_secs(2), spread: Duration::from_secs(3) };
    let (store, log) = join_trial(&nats.settings(), &data, Trial { patience, ..Trial::default() }).unwrap();
    nats.kill();
    let began = Instant::now();
    for room in 0..ROOMS {
        store.append(post(&format!("room {room}"), &room.to_string())).await;
    }
    let mut given_up = Vec::new();
    while given_up.len() < ROOMS {
        let count = log.lock().unwrap().len();
        given_up.resize(count, began.elapsed());
        assert!(began.elapsed() < PATIENCE, "{} of {ROOMS} in time", given_up.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(log.lock().unwrap().iter().all(|(_, offset, _)| offset.is_none()));
    assert!(given_up[0] >= patience.least, "{given_up:?}");
    assert!(given_up[ROOMS - 1] - given_up[0] >= Duration::from_secs(1), "{given_up:?}");
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_while_it_is_not_known_who_may_stay_nor_then_of_who_may_not() {
    let nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, log) = join(&nats, &data).unwrap();
    let accounts = store.accounts().unwrap();
    store.hold_posts_of_strangers();
    let mallory = Producer::new(7);
    for (id, producer) in
        [("1", Producer::new(8)), ("2", mallory.clone()), ("3", mallory.clone()), ("4", Producer::new(8))]
    {
        store.append(Append { producer, ..post("a", id) }).await;
    }
    assert!(tokio::time::timeout(Duration::from_millis(500), store.flush()).await.is_err(), "nobody has looked");
    // The ban comes, and with it who has to leave.
    mallory.fence();
    let as_of = wait_for("knowledge", || accounts.known_as_of());
    accounts.looked(as_of);
    store.flush().await.unwrap();
    assert_eq!(settled(&store, "a", 2).await, ["1", "4"]);
    let refused: Vec<_> =
        log.lock().unwrap().iter().filter(|told| told.1.is_none()).map(|(id, ..)| id.clone()).collect();
    assert_eq!(refused, ["2", "3"]);
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_are_held_for_too_long_are_given_up() {
    let nats = Nats::start("");
    let (_folder, data) = folder();
    let patience = Patience { least: Duration::from_millis(300), spread: Duration::ZERO };
    let (store, log) = join_trial(&nats.settings(), &data, Trial { patience, ..Trial::default() }).unwrap();
    store.hold_posts_of_strangers();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    assert_eq!(log.lock().unwrap().clone(), [("1".to_owned(), None, false)]);
    store.close();
}
