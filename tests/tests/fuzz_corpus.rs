//! Runs every input of the fuzzers' corpora again, including the inputs that found bugs.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

#[path = "../../fuzz/harness.rs"]
mod harness;

fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = everwire_tests::root().join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("readable").path();
        run(&std::fs::read(&path).expect("readable"));
        count += 1;
    }
    assert!(count >= 4, "the corpus in {} is gone", folder.display());
}

#[test]
fn the_decoder_holds_on_its_corpus() {
    replay("decoder", harness::decoder);
}

#[test]
fn the_handshake_holds_on_its_corpus() {
    replay("handshake", harness::handshake);
}

#[test]
fn inflating_holds_on_its_corpus() {
    replay("inflate", harness::inflate);
}
