/// A new message id: a UUIDv7, so that ids neither collide nor need a server to give them out.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
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
