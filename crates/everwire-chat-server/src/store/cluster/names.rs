//! The names of streams and subjects, and which room is where.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Digest, SHA256, digest};

use crate::store::access_state::Subject;

/// Streams that rooms are spread over. Another number is another cluster.
pub(super) const SHARDS: usize = 8;

/// The stream of who may come in; its metadata say which cluster this is.
pub(super) const ACCESS: &str = "EW_ACCESS";
pub(super) const ACCESS_SUBJECTS: &str = "ew.a.>";

/// Which node removes old records; it says nothing of who may come in.
pub(super) const RETENTION_LEASE: &str = "ew.a.l.retention";

/// The stream of posts of this shard.
pub(super) fn history(shard: usize) -> String {
    format!("EW_H_{shard}")
}

pub(super) fn history_subjects(shard: usize) -> String {
    format!("ew.h.{shard}.*")
}

/// The shard of a room, and the subject of its posts.
pub(super) fn place(room: &str) -> (usize, String) {
    let hash = digest(&SHA256, room.as_bytes());
    let shard = hash.as_ref().last().map_or(0, |byte| usize::from(*byte)) % SHARDS;
    (shard, format!("ew.h.{shard}.{}", encoded(&hash)))
}

/// The subject of what is known of a user, a room or a sign-in.
pub(super) fn of_access(subject: &Subject) -> String {
    match subject {
        Subject::User(id) => format!("ew.a.u.{}", token(id)),
        Subject::Room(name) => format!("ew.a.r.{}", token(name)),
        Subject::SignIn(family) => format!("ew.a.s.{}", token(family)),
        Subject::Key => "ew.a.k".to_owned(),
    }
}

/// Where a node is asked how far users have read.
pub(super) fn read_positions(node: &str) -> String {
    format!("ew.read.{node}")
}

/// From 0 to 1, another for each room.
pub(super) fn fraction(room: &str) -> f64 {
    let hash = digest(&SHA256, room.as_bytes());
    hash.as_ref().first().map_or(0.0, |byte| f64::from(*byte) / 255.0)
}

fn token(name: &str) -> String {
    encoded(&digest(&SHA256, name.as_bytes()))
}

/// 128 bits of a hash: no two names share one.
fn encoded(hash: &Digest) -> String {
    let bytes = hash.as_ref();
    URL_SAFE_NO_PAD.encode(bytes.get(..16).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rooms_are_spread_and_their_names_need_not_fit_into_a_subject() {
        let places: Vec<_> = (0..200).map(|n| place(&format!("room > {n}.*"))).collect();
        assert_eq!(places.iter().map(|(shard, _)| shard).collect::<BTreeSet<_>>().len(), SHARDS);
        assert_eq!(places.iter().map(|(_, subject)| subject).collect::<BTreeSet<_>>().len(), 200);
        assert!(
            places.iter().all(|(_, subject)| !subject.contains(['>', '*', ' ']) && subject.split('.').count() == 4)
        );
    }
}
