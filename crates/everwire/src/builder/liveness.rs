//! Settings of the heartbeat, and of how long an opening may take.

use std::time::Duration;

use super::Builder;

impl Builder {
    /// The silence, in either direction, after which a ping is sent. The ping keeps the connection alive with servers
    /// and proxies that close idle connections, and asks the peer for a sign of life. Default: 25 s, since the
    /// strictest of common servers closes after 30 s. On a new connection the first ping is sent after 3 s in which the
    /// client has sent nothing. Zero is refused.
    ///
    /// Too short: pings drain the batteries of mobile devices, and cost traffic. Too long (beyond about a minute):
    /// servers and address translators drop the connection while it is idle. `None` turns the heartbeat off: a peer
    /// that vanished is then noticed only by what TCP reports, after many minutes, or never if nothing is sent.
    pub fn heartbeat_interval(mut self, interval: Option<Duration>) -> Self {
        self.config.heartbeat.interval = interval;
        self
    }

    /// The time without a sign of life from the peer, after the [interval](Self::heartbeat_interval), after which the
    /// peer counts as dead. Default: 10 s. Zero is refused. A peer that has answered pings late or never is given
    /// longer, up to 5 minutes.
    ///
    /// Too short: a slow network is taken for a dead peer, and the connection is replaced for nothing. Too long:
    /// messages wait that long on a connection that is dead.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat.timeout = timeout;
        self
    }

    /// Sets whether the client learns a shorter interval: when connections are lost while idle, twice after about the
    /// same time, later ones are pinged after 7/10 of that time, but no more often than every 5 s. What is learned
    /// applies to all clients of this process that connect to the same host, and longer intervals are tried again after
    /// a day; [`PostMortem::learned`](crate::PostMortem::learned) and
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

    /// Sends the text message `ping` in place of each ping of the protocol, for a server that answers each with the
    /// text message `pong`, in order with all other messages. They are then the heartbeat, and the evidence that what
    /// was sent before has been read. It is for servers whose endpoint does not answer pings of the protocol, or
    /// answers them without regard to the application. The answers are not in the [`Inbox`](crate::Inbox). In a session
    /// these texts are not used. Default: none; pings of the protocol are sent.
    ///
    /// In a page, which can't send pings of the protocol (browsers offer none), there is neither heartbeat nor evidence
    /// without these texts or a session.
    pub fn text_pings(mut self, ping: impl Into<String>, pong: impl Into<String>) -> Self {
        self.text_pings = Some((ping.into(), pong.into()));
        self
    }
}
