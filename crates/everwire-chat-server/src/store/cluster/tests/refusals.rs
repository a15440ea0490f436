use super::*;
use crate::store::cluster::status::Refusing;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_knows_more_than_the_streams_stores_nothing_and_says_so() {
    let mut nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, _log) = join(&nats, &data).unwrap();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    store.close();
    // A copy of the broker's files from before the second post.
    nats.process.kill().unwrap();
    nats.process.wait().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(nats.folder.path().join("js")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let old = std::mem::replace(&mut nats.folder, tempfile::tempdir().unwrap());
    let settings = |folder: &Path| format!("jetstream {{ store_dir: \"{}\" }}\n", folder.join("js").display());
    let text = settings(old.path());
    let nats = Nats::start_in(old, -1, &text);
    let (store, _log) = join(&nats, &data).unwrap();
    store.append(post("a", "2")).await;
    store.flush().await.unwrap();
    store.close();
    drop(nats);
    let text = settings(copy.path());
    let nats = Nats::start_in(copy, -1, &text);
    let (store, log) = join(&nats, &data).unwrap();
    let until = Instant::now() + PATIENCE;
    while !matches!(store.check().await, Err(StoreError::Cluster(super::super::ClusterFault::WentBack))) {
        assert!(Instant::now() < until, "{:?}", store.check().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.append(post("a", "3")).await;
    store.flush().await.unwrap();
    assert_eq!(log.lock().unwrap().clone(), [("3".to_owned(), None, false)], "not stored");
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_t_be_a_node_is_told_why_in_one_line() {
    let refused = |settings: &ClusterSettings, data: &Path| match join_with(settings, data) {
        Ok(_) => panic!("it joined"),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n'), "{line}");
            line
        }
    };
    let (_folder, data) = folder();
    let nats = Nats::start("");
    let mut settings = nats.settings();
    settings.accept_sync = false;
    assert!(refused(&settings, &data).contains("--cluster-accept-sync"));
    settings = nats.settings();
    settings.replicas = 3;
    assert!(refused(&settings, &data).contains("can't keep 3 replicas"));
    let (store, _log) = join(&nats, &data).unwrap();
    store.close();
    let line = refused(&settings, &data);
    assert!(line.contains("keeps 1 replicas, not 3"), "{line}");
    // A folder of another cluster, and of a server alone.
    let other = Nats::start("");
    assert!(refused(&other.settings(), &data).contains("another cluster"));
    let (_alone, alone) = folder();
    {
        let (store, commits) = crate::store::sqlite::SqliteStore::open(Some(&alone), &StoreOptions::default()).unwrap();
        collect(commits);
        store.append(post("a", "1")).await;
        store.flush().await.unwrap();
        store.close();
    }
    let line = wait_for("folder", || Some(refused(&nats.settings(), &alone)).filter(|line| !line.contains("in use")));
    assert!(line.contains("was alone"), "{line}");
    // A message that is too large for the broker, no JetStream, a password, nobody there.
    let small = Nats::start("max_payload: 65536\n");
    assert!(refused(&small.settings(), &data).contains("at most 65536 bytes"));
    let plain = Nats::start_in(tempfile::tempdir().unwrap(), -1, "");
    assert!(refused(&plain.settings(), &data).contains("JetStream is off"));
    let secret = Nats::start("authorization { user: ana, password: correct }\n");
    assert!(refused(&secret.settings(), &data).contains("don't accept the credentials"));
    let mut nobody = nats.settings();
    drop(nats);
    nobody.servers = vec!["nats://127.0.0.1:1".to_owned()];
    assert!(refused(&nobody, &data).contains("no NATS server can be reached"));
    nobody.credentials = Some("/not/there.creds".into());
    assert!(refused(&nobody, &data).contains("/not/there.creds can't be used"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_application_under_a_name_of_ours_is_left_alone() {
    let (_folder, data) = folder();
    let cases = [
        ("EW_ACCESS", "orders.>", "EW_ACCESS"),
        ("EW_H_3", "orders.>", "EW_H_3"),
        // Its name is another, and it takes what we would publish.
        ("ORDERS", "ew.h.5.*", "EW_H_5"),
        ("ORDERS", "ew.>", "EW_ACCESS"),
    ];
    for (name, subject, told) in cases {
        let nats = Nats::start("");
        let client = async_nats::connect(format!("nats://127.0.0.1:{}", nats.port)).await.unwrap();
        let streams = async_nats::jetstream::new(client);
        let theirs = async_nats::jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..Default::default()
        };
        streams.create_stream(theirs).await.unwrap();
        let subject = subject.replace(['>', '*'], "1");
        streams.publish(subject.clone(), "theirs".into()).await.unwrap().await.unwrap();
        let Err(error) = join(&nats, &data) else { panic!("it joined over {name}") };
        let line = error.to_string();
        assert!(line.contains(&format!("{told} is another application's")) && !line.contains('\n'), "{line}");
        let kept = streams.get_stream(name).await.unwrap().get_last_raw_message_by_subject(&subject).await.unwrap();
        assert_eq!(&*kept.payload, b"theirs");
    }
}

/// Hands on what a broker says, with the hour that it tells put back or forward, as if clocks were so far apart.
fn with_other_hour(broker: u16, apart: i8) -> u16 {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    fn carry(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
        let (mut line, mut chunk) = (Vec::new(), [0; 16 << 10]);
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            line.extend(&chunk[..count]);
            // Messages end with their lines.
            if line.ends_with(b"\r\n") {
                change(&mut line);
                if to.write_all(&line).is_err() {
                    return;
                }
                line.clear();
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(("127.0.0.1", broker)).unwrap();
            let (up, down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || carry(up, server, |_| {}));
            std::thread::spawn(move || {
                carry(down, client, |said| {
                    let begin = b"\"ts\":\"";
                    let at = said.windows(begin.len()).position(|part| part == begin);
                    // "2026-11-30T18:…": the hour.
                    let Some(hour) = at.and_then(|at| said.get_mut(at + begin.len() + 11..at + begin.len() + 13))
                    else {
                        return;
                    };
                    let now: i8 = std::str::from_utf8(hour).unwrap().parse().unwrap();
                    hour.copy_from_slice(format!("{:02}", now + apart).as_bytes());
                })
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_an_hour_from_the_brokers_does_not_start() {
    let nats = Nats::start("");
    let (_folder, data) = folder();
    // The day stays the same.
    let hour = crate::clock::unix_ms() / 3_600_000 % 24;
    let apart = if hour < 12 { 1 } else { -1 };
    let mut settings = nats.settings();
    settings.servers = vec![format!("nats://127.0.0.1:{}", with_other_hour(nats.port, apart))];
    let Err(error) = join_with(&settings, &data) else { panic!("it joined") };
    let line = error.to_string();
    let Some(seconds) = line.split_whitespace().find_map(|word| word.parse::<i64>().ok()) else { panic!("{line}") };
    assert!((3_590..=3_610).contains(&seconds) && line.contains("set both by NTP"), "{line}");
    assert!(line.contains(if apart < 0 { "ahead of" } else { "behind" }), "{line}");
    // With the right time it does.
    join(&nats, &data).unwrap().0.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_a_broker_has_told_too_little_goes_on_once_the_stream_holds_what_it_has_applied() {
    let nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, log) = join(&nats, &data).unwrap();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    // As if a server that had just become the leader had said so for long enough.
    store.status().refuse(Refusing::WentBack);
    store.append(post("a", "2")).await;
    store.flush().await.unwrap();
    assert_eq!(log.lock().unwrap().last(), Some(&("2".to_owned(), None, false)), "not stored");
    wait_for("trust", || store.status().fault().is_none().then_some(()));
    store.append(post("a", "3")).await;
    assert_eq!(settled(&store, "a", 2).await, ["1", "3"]);
    store.close();
}
