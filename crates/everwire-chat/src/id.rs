use uuid::{NoContext, Timestamp, Uuid};

/// A new message id: a UUIDv7, so that ids neither collide nor need a server to give them out.
#[must_use]
pub fn new_id() -> String {
    let now = web_time::SystemTime::now().duration_since(web_time::UNIX_EPOCH).unwrap_or_default();
    // Which of two in the same millisecond was first is of no use, and to keep it would be more than a KB of a page.
    Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos())).to_string()
}

#[cfg(test)]
mod tests {
    use super::new_id;

    #[test]
    fn t22_ids_made_in_the_same_millisecond_differ() {
        let mut ids: Vec<String> = (0..10_000).map(|_| new_id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10_000);
    }
}
