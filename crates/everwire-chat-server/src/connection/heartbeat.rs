//! When a silent client is asked for a sign of life, and when it counts as gone. Time comes in as an argument.

use std::mem;
use std::time::Duration;

use everwire_server::after;
use tokio::time::Instant;

/// The silence of one client.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// Since when nothing has come.
    silent_since: Instant,
    pinged: bool,
    /// At the last silence: the bytes that the socket had taken, and whether others waited.
    taken: u64,
    was_behind: bool,
}

/// What a silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnSilence {
    Ping,
    /// The client takes what waits for it before our ping.
    Wait,
    /// It has not answered: the connection is dead.
    End,
}

impl Heartbeat {
    pub(super) fn new(now: Instant) -> Self {
        Self { silent_since: now, pinged: false, taken: 0, was_behind: false }
    }

    pub(super) fn deadline(&self, interval: Duration) -> Instant {
        after(self.silent_since, interval)
    }

    /// The client has sent something.
    pub(super) fn on_life(&mut self, now: Instant) {
        (self.silent_since, self.pinged) = (now, false);
    }

    /// We did not read: the silence is not the client's.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// The deadline has come. `taken`: bytes that the socket has taken in all; `is_behind`: others wait.
    pub(super) fn on_silence(&mut self, now: Instant, taken: u64, is_behind: bool) -> OnSilence {
        self.silent_since = now;
        let takes = taken > mem::replace(&mut self.taken, taken);
        let was_behind = mem::replace(&mut self.was_behind, is_behind);
        if !mem::replace(&mut self.pinged, true) {
            return OnSilence::Ping;
        }
        // The ping is behind much else: until it is there, a sign of life is that something more was taken.
        if takes && (was_behind || is_behind) { OnSilence::Wait } else { OnSilence::End }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_pinged_once_and_then_gone() {
        let now = Instant::now();
        let mut heartbeat = Heartbeat::new(now);
        assert_eq!(heartbeat.deadline(Duration::from_secs(30)), now + Duration::from_secs(30));
        assert_eq!(heartbeat.on_silence(now, 0, false), OnSilence::Ping);
        assert_eq!(heartbeat.on_silence(now, 0, false), OnSilence::End);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_what_waits_before_the_ping_is_alive_and_so_is_one_that_sends() {
        let now = Instant::now();
        let mut heartbeat = Heartbeat::new(now);
        assert_eq!(heartbeat.on_silence(now, 100, true), OnSilence::Ping);
        assert_eq!(heartbeat.on_silence(now, 200, true), OnSilence::Wait);
        assert_eq!(heartbeat.on_silence(now, 300, false), OnSilence::Wait, "the last of it was taken");
        assert_eq!(heartbeat.on_silence(now, 300, false), OnSilence::End);
        heartbeat.on_life(now);
        assert_eq!(heartbeat.on_silence(now, 300, false), OnSilence::Ping);
    }
}
