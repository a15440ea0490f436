//! The checker finds no violation in a model that keeps every promise, and finds each promise that a model breaks.

use super::Rule;
use crate::model::{counted, run};

#[test]
fn nodes_that_keep_their_promises_break_no_rule() {
    for seed in 0..50 {
        let found = super::violations(&run(seed, None));
        assert!(found.is_empty(), "seed {seed}: {:#?}", &found[..found.len().min(5)]);
    }
}

macro_rules! mutants {
    ($($name:ident: $rule:ident,)*) => {$(
        #[test]
        fn $name() {
            let runs = (0..5).map(|seed| counted(&run(seed, Some(Rule::$rule))));
            let found = runs.filter(|counted| counted.contains_key(&Rule::$rule)).count();
            assert_eq!(found, 5, "{:?}", counted(&run(0, Some(Rule::$rule))));
        }
    )*};
}

mutants! {
    a_place_that_is_told_wrong_is_found: OnePlace,
    a_gap_in_a_history_is_found: Dense,
    a_node_that_lacks_a_text_is_found: SameHistory,
    a_node_that_answers_another_history_is_found: SameEpoch,
    a_text_that_was_changed_is_found: Faithful,
    an_acknowledged_text_that_is_lost_is_found: Kept,
    a_client_s_texts_out_of_their_order_are_found: SenderOrder,
    a_text_of_which_nothing_became_is_found: Settled,
    a_text_that_is_heard_twice_is_found: Once,
    texts_that_are_heard_out_of_order_are_found: InOrder,
    a_text_that_a_client_does_not_hear_is_found: Complete,
    a_banned_user_who_goes_on_is_found: Banned,
    a_sign_in_that_ends_by_itself_is_found: SignedIn,
    a_user_who_is_shown_after_the_last_connection_is_found: Gone,
    a_user_with_a_connection_who_is_not_shown_is_found: Here,
    a_receipt_that_falls_is_found: Receipts,
}

#[test]
fn a_ban_counts_until_an_older_backup_is_restored_and_a_later_one_again() {
    let run = |replaced: Vec<u64>, bans: &[u64]| {
        let mut record = run(0, Some(Rule::Banned));
        record.replaced = replaced;
        record.bans = bans.iter().map(|at| crate::record::Ban { user: "u3".to_owned(), at: *at }).collect();
        counted(&record).contains_key(&Rule::Banned)
    };
    assert!(run(Vec::new(), &[10_000]));
    assert!(!run(vec![10_500], &[10_000]), "the backup does not know of it");
    assert!(run(vec![10_500], &[10_000, 11_000]));
}
