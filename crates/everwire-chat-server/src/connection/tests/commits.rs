//! What is told of posts that were committed together.

use super::*;

#[test]
fn what_is_committed_together_comes_as_one_array_to_those_who_may_be_sent_arrays_and_one_by_one_to_the_others() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "old");
    scene.join(3, "ben");
    (1..=3).for_each(|id| drop(scene.got(id)));
    scene.commit(&[
        (3, "a", "ben", New(1)),
        (3, "b", "ben", New(2)),
        (3, "a", "ben", Duplicate(1)),
        (3, "c", "ben", New(3)),
    ]);
    assert_eq!(scene.got(1), ["[text ben 1, text ben 2, text ben 3]"]);
    assert_eq!(scene.got(2), ["text ben 1", "text ben 2", "text ben 3"]);
    assert_eq!(scene.got(3), ["4 done -"]);
    scene.commit(&[(3, "d", "ben", New(4)), (3, "b", "ben", Duplicate(2))]);
    assert_eq!(scene.got(1), ["text ben 4"], "a single message is no array");
    assert_eq!(scene.got(2), ["text ben 4"]);
    scene.commit(&[(3, "a", "ben", Duplicate(1)), (3, "b", "ben", Duplicate(2))]);
    assert!(scene.got(1).is_empty() && scene.got(2).is_empty(), "repeats are no news");
}

#[test]
fn who_has_posted_some_of_a_commit_hears_in_order_what_became_of_it_and_what_others_said_between() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "ben");
    scene.join(3, "cat+");
    (1..=3).for_each(|id| drop(scene.got(id)));
    scene.commit(&[
        (1, "a", "ana+", New(1)),
        (1, "b", "ana+", New(2)),
        (2, "c", "ben", New(3)),
        (1, "old", "ana+", Duplicate(0)),
        (1, "c", "ana+", IdTaken),
        (2, "d", "ben", New(4)),
        (2, "e", "ben", New(5)),
        (1, "f", "ana+", New(6)),
    ]);
    assert_eq!(
        scene.got(1),
        [
            "2 done [stored a 1, stored b 2]",
            "text ben 3",
            "2 done [stored old 0, rejected c]",
            "text ben 4",
            "text ben 5",
            "1 done stored f 6"
        ]
    );
    assert_eq!(scene.got(2), ["text ana+ 1", "text ana+ 2", "1 done -", "2 done -", "text ana+ 6"]);
    assert_eq!(scene.got(3), ["[text ana+ 1, text ana+ 2, text ben 3, text ben 4, text ben 5, text ana+ 6]"]);
}

#[test]
fn a_long_commit_goes_out_in_several_arrays() {
    let mut scene = Scene::new();
    scene.join_with_room_for(8, 100_000, 1, "ana+");
    scene.join_with_room_for(8, 100_000, 2, "ben+");
    drop(scene.got(1));
    let ids: Vec<String> = (1..=600).map(|n| n.to_string()).collect();
    let posts: Vec<_> = (1..).zip(&ids).map(|(offset, id)| (2, id.as_str(), "ben+", New(offset))).collect();
    scene.commit(&posts);
    let got = scene.got(1);
    let counts: Vec<_> = got.iter().map(|batch| batch.matches("text").count()).collect();
    assert!(counts.len() > 2 && counts.iter().sum::<usize>() == 600, "{counts:?}");
    assert!(got[0].starts_with("[text ben+ 1, text ben+ 2,") && got[counts.len() - 1].ends_with("text ben+ 600]"));
    let got = scene.got(2);
    let counts: Vec<usize> = got.iter().map(|done| done.split(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 600, "each post is answered once");
}

#[test]
fn batches_that_are_too_much_end_a_member_s_connection_as_single_lines_do() {
    let mut scene = Scene::new();
    scene.join(1, "ana+");
    scene.join(2, "old");
    scene.join(3, "ben");
    (1..=3).for_each(|id| drop(scene.got(id)));
    let ids: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    let posts: Vec<_> = (1..).zip(&ids).map(|(offset, id)| (3, id.as_str(), "ben", New(offset))).collect();
    scene.commit(&posts);
    scene.commit(&posts[..1]);
    assert_eq!(scene.got(2), ["close 1013"], "more items than it may have");
    assert_eq!(scene.got(1).len(), 2, "few items");
    (0..10).for_each(|_| scene.commit(&posts));
    assert_eq!(scene.got(1), ["close 1013"], "more bytes than it may have");
}
