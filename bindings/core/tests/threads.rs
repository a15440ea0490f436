//! The library's own threads: a program of its own, since it counts them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use everwire_bind::{Client, Settings};

/// Threads of the library's in this process.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "everwire").count()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn all_clients_share_a_few_threads_that_end_with_the_last_one() {
    assert_eq!(threads(), 0);
    let settings = Settings { urls: vec!["ws://127.0.0.1:9/".into()], connect_on_start: false, ..Settings::default() };
    for _ in 0..3 {
        let clients: Vec<_> = (0..100).map(|_| Client::start(settings.clone()).unwrap()).collect();
        wait_until("the threads have their name", || (1..=4).contains(&threads()));
        for client in &clients {
            client.close(0);
        }
        drop(clients);
        wait_until("no thread is left", || threads() == 0);
    }
}
