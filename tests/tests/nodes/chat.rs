//! The chat behind a balancer that sends each member to any node.

use std::time::Duration;

use everwire_chat::ChatClient;
use everwire_tests::{PATIENCE, Process, ProxyKind};

use crate::balancer;
use crate::broker::Broker;

const NODES: usize = 3;
const PEOPLE: usize = 6;
const LINES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn members_behind_nginx_chat_over_all_nodes_and_over_the_death_of_one() {
    members_chat_over_all_nodes(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_behind_haproxy_chat_over_all_nodes_and_over_the_death_of_one() {
    members_chat_over_all_nodes(ProxyKind::HaProxy).await;
}

async fn members_chat_over_all_nodes(kind: ProxyKind) {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start("").await;
    let mut nodes = Vec::new();
    let mut addresses = Vec::new();
    for number in 0..NODES {
        let (cluster, data) = (broker.url(), folder.path().join(format!("node-{number}")));
        let mut node = Process::everwire(
            &[
                &["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a path")][..],
                &["--cluster", &cluster, "--cluster-replicas", "1", "--cluster-accept-sync"],
            ]
            .concat(),
        );
        addresses.push(node.address().await);
        nodes.push(node);
    }
    let balancer = balancer::start(kind, "chat", &addresses).await;
    let people: Vec<ChatClient> = (0..PEOPLE).map(|n| client(balancer.port, &format!("p{n}"))).collect();

    say_and_hear(&people, 0).await;
    nodes.remove(0).kill().await;
    say_and_hear(&people, LINES).await;
    // They connect one after the other, so that `least_conn` spreads them evenly.
    for node in &mut nodes {
        node.kill().await;
    }
}

/// All members post some lines, and wait for the lines of all.
async fn say_and_hear(people: &[ChatClient], before: usize) {
    for person in people {
        (before..before + LINES).for_each(|n| drop(person.send(n.to_string()).expect("room")));
    }
    let all = (before + LINES) * people.len();
    for person in people {
        let mut updates = person.updates();
        let stored = || person.entries().iter().filter(|entry| entry.offset.is_some()).count();
        let heard = async {
            while stored() < all {
                let _ = tokio::time::timeout(Duration::from_millis(200), updates.next()).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, heard).await;
        assert!(in_time.is_ok(), "{:?}: {} of {all} in {:?}", person.me(), stored(), person.state());
    }
    let order = |person: &ChatClient| person.entries().into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert!(people.iter().all(|person| order(person) == order(&people[0])), "all see one order");
}

fn client(port: u16, name: &str) -> ChatClient {
    ChatClient::builder(format!("ws://127.0.0.1:{port}/ws"), name)
        .user_id(name)
        .room("den")
        .connection(|builder| builder.initial_delay(Duration::from_millis(20)).max_delay(Duration::from_millis(200)))
        .build()
        .expect("settings")
}
