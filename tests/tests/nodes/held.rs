//! While the brokers have no majority, a node holds posts and keeps its members.

use std::time::Duration;

use crate::broker::Broker;
use crate::node::{Raw, Said, node, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_post_is_held_is_pinged_meanwhile_and_gets_its_receipt_once_it_is_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broker = Broker::start("").await;
    // Without a held post the node would not ping for a minute.
    let (_node, address) = node(&broker.url(), &folder.path().join("node"), &["--heartbeat", "60s"]).await;
    let mut ana = Raw::join(&address, "userId=ana&userName=ana&after=").await.expect("it may come in");
    ana.until(|said| matches!(said, Said::Event(event) if event["type"] == "sync")).await;
    broker.stop().await;
    ana.post("ana", "held").await;
    for _ in 0..3 {
        let said = ana.until(|said| matches!(said, Said::Ping | Said::Pong | Said::Event(_))).await;
        assert!(matches!(said, Said::Ping), "{said:?}, and the post is held");
    }
    broker.restart().await;
    let stored = ana.until(|said| matches!(said, Said::Pong | Said::Event(_))).await;
    assert!(matches!(&stored, Said::Event(event) if event["type"] == "stored"), "{stored:?} comes first");
    ana.until(|said| matches!(said, Said::Pong)).await;
    until("readiness", async || (crate::node::get(&address, "/readyz").await.0 == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_node_that_is_restarted_leave_one_after_the_other_and_miss_nothing_on_another() {
    const MEMBERS: usize = 60;
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start("").await;
    let (mut one, first) = node(&broker.url(), &folder.path().join("one"), &["--drain", "3s"]).await;
    let (_two, second) = node(&broker.url(), &folder.path().join("two"), &[]).await;
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        let mut member = Raw::join(&first, &format!("userId=m{n}&userName=m{n}&after=")).await.expect("it may come in");
        let sync = member.until(|said| matches!(said, Said::Event(event) if event["type"] == "sync")).await;
        let Said::Event(sync) = sync else { continue };
        members.push((
            format!("m{n}"),
            member,
            format!("{}:{}", sync["epoch"].as_str().expect("an epoch"), sync["offset"]),
        ));
    }
    let mut ana = Raw::join(&second, "userId=ana&userName=ana&after=").await.expect("it may come in");
    let leave = members.into_iter().map(|(user, mut member, seen)| {
        let second = second.clone();
        tokio::spawn(async move {
            let mut heard = Vec::new();
            let closed = loop {
                let said = member.next().await;
                let is_text = |said: &&Said| matches!(said, Said::Event(event) if event["type"] == "text");
                heard.extend(said.iter().filter(is_text).filter_map(id));
                if let Some(Said::Closed(code, reason)) = said.into_iter().find(|said| matches!(said, Said::Closed(..)))
                {
                    break (code, reason, tokio::time::Instant::now());
                }
            };
            // The end of the closing handshake.
            while !member.next().await.iter().any(|said| matches!(said, Said::Closed(1006, _))) {}
            // Everything after the offset that it had when it joined.
            let query = format!("userId={user}&userName={user}&after={seen}");
            let again = crate::node::history(&second, &query, "last").await;
            assert_eq!(again[..heard.len()], heard, "the same, and more");
            (closed, again)
        })
    });
    let leave: Vec<_> = leave.collect();
    let stop = tokio::spawn(async move { one.terminate().await });
    let mut posted = Vec::new();
    while !stop.is_finished() {
        let id = format!("line {}", posted.len());
        ana.post("ana", &id).await;
        ana.until(|said| matches!(said, Said::Pong)).await;
        posted.push(id);
    }
    ana.post("ana", "last").await;
    posted.push("last".to_owned());
    let mut times = Vec::new();
    for left in leave {
        let ((code, reason, at), heard) = left.await.expect("it does not fail");
        assert_eq!(code, 1012, "{reason}");
        assert!(reason.contains("Retry-After: "), "{reason}");
        assert_eq!(heard, posted);
        times.push(at);
    }
    stop.await.expect("it ends in order");
    times.sort();
    // The node takes 10 ms for each when there are few members.
    let spread = times[MEMBERS - 1] - times[0];
    assert!(spread >= Duration::from_millis(5) * 60, "all within {spread:?}");
}

fn id(said: &Said) -> Option<String> {
    match said {
        Said::Event(event) => event["id"].as_str().map(str::to_owned),
        _ => None,
    }
}
