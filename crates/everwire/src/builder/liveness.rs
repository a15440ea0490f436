//! Settings of the heartbeat, and of how long an opening may take.

use std::time::Duration;

use super::Builder;

impl Builder {
    /// The silence, in either direction, after which a ping is sent: it keeps the connection alive with servers and
    /// proxies that cut idle ones, and asks the peer for a sign of life. Default: 25 s, since the strictest of common
    /// servers closes after 30 s. The first ping of a connection that is quiet is sent after 3 s. Zero is refused.
    ///
    /// Too short: pings drain the batteries of mobile devices, and cost traffic. Too long (beyond about a minute):
    /// servers and address translators drop the connection while it is idle. `None` turns the heartbeat off: a peer
    /// that vanished is then noticed only by what TCP reports, after many minutes, or never if nothing is sent.
    pub fn heartbeat_interval(mut self, interval: Option<Duration>) -> Self {
        self.config.heartbeat.interval = interval;
        self
    }

    /// The further silence of the peer after which it counts as dead. Default: 10 s. Zero is refused. A peer that has
    /// answered pings late or never is given longer, up to 5 minutes.
    ///
    /// Too short: a slow network is taken for a dead peer, and the connection is replaced for nothing. Too long:
    /// messages wait that long on a connection that is dead.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat.timeout = timeout;
        self
    }

    /// Enables learning: connections that are lost while idle, twice after about the same time, make later ones ping
    /// more often, at 7/10 of that time and at least every 5 s. What is learned counts for all clients of this process
    /// that connect to the same host, and is tried anew after a day;
    /// [`PostMortem::learned`](crate::PostMortem::learned) and
    /// [`MachineStats::learned_interval`](crate::MachineStats::learned_interval) report it. Default: true. Without it,
    /// a path that drops idle connections sooner than the interval costs one connection after the other.
    pub fn adaptive_heartbeat(mut self, adaptive: bool) -> Self {
        self.config.heartbeat.adaptive = adaptive;
        self
    }

    /// The longest time for a whole opening: request hook, name, TCP, proxy, TLS and upgrade, redirects included.
    /// Default: 10 s. Zero is refused.
    ///
    /// Too short: a slow network never gets a connection. Too long: an address that does not answer costs this much at
    /// each attempt.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.open.timeout = timeout;
        self
    }

    /// The text messages by which a server without sessions is asked for a sign of life, and answers: each `ping` by one
    /// `pong`, in order with everything else; the answers are not in the [`Inbox`](crate::Inbox). They stand in for the
    /// protocol's pings, where those are not answered, or by an endpoint that is not the application: then they are the
    /// heartbeat, and the evidence that what was sent before has been read. Default: none; pings of the protocol are used.
    ///
    /// A page can't send those (RFC 6455 section 5.5.2 leaves pings to endpoints, and browsers offer none): without a
    /// session and without these texts it has neither heartbeat nor evidence.
    pub fn text_pings(mut self, ping: impl Into<String>, pong: impl Into<String>) -> Self {
        self.text_pings = Some((ping.into(), pong.into()));
        self
    }
}
