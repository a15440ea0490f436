//! Broken rules, for a test of the tests: each is one way to get it wrong, and the simulator must find every one.

use serde::{Deserialize, Serialize};

macro_rules! mutants {
    ($($(#[doc = $words:literal])+ $name:ident => $mode:ident,)+) => {
        /// One way to get it wrong. Realised around the machines, never in them: what one hears or says is changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Mutant {
            $($(#[doc = $words])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// A description in words.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($words),+).trim_ascii(),)+
                }
            }

            /// Returns `true` if it takes a session to show.
            pub fn needs_session(self) -> bool {
                match self {
                    $(Self::$name => mutants!(@ $mode),)+
                }
            }
        }
    };
    (@ session) => { true };
    (@ plain) => { false };
}

mutants! {
    /// The server acknowledges a message as soon as it has it, before the application has processed it.
    AckOnReceipt => session,
    /// The client does.
    ClientAckOnReceipt => session,
    /// The welcome claims what was received, not what was processed.
    WelcomeClaimsReceived => session,
    /// A gap in the numbers is passed over.
    GapAccepted => session,
    /// A number that was here before is handed to the application again.
    DuplicateDelivered => session,
    /// What the old connection of a session still says is taken for the new one's.
    NoFence => session,
    /// A hello that comes late takes the session over from a newer connection.
    LateHelloWins => session,
    /// The same token is given with each welcome.
    TokenKept => session,
    /// Any token opens any session.
    TokenIgnored => session,
    /// A session is resumed for any principal that has its token.
    PrincipalIgnored => session,
    /// New messages go out before those that are sent again.
    ResendOvertaken => session,
    /// Of those that are sent again, one falls out.
    ResendForgets => session,
    /// An acknowledgement of what was never sent counts for everything that was.
    AckBeyondSentAccepted => session,
    /// A client begins a new session with each connection.
    NeverResumes => session,
    /// A client tries to resume once; on the next connection it begins a new session.
    ResumesOnce => session,
    /// What was processed of a session that is over is told before the application is done with it.
    SettledTooEarly => session,
    /// The peer's limits are not kept.
    WindowIgnored => session,
    /// The application commits its watermark, then the effects.
    WatermarkBeforeEffect => session,
    /// The application commits its effects, then the watermark.
    EffectBeforeWatermark => session,
    /// A batch of a store is kept in part when the process crashes.
    TornBatch => session,
    /// A store says that a message is durable, and has forgotten it.
    StoreForgets => session,
    /// A server that goes away ends its connections without a word before.
    DrainWithoutWord => session,
    /// However much waits for the socket, each ping and each message is answered at once.
    RepliesUnbounded => session,
    /// The limits that a client is told are not held to.
    LimitsUnheld => session,
    /// The limits that a server is told are not held to.
    ClientLimitsUnheld => session,
    /// A client that closes waits as long as the server is alive.
    CloseAwaitedForEver => session,
    /// A client's bye is awaited as long as the client is alive.
    ByeAwaitedForEver => session,
    /// What a session without a connection holds is counted when it loses it, and never again.
    DetachedCountedOnce => session,
    /// A store that is gone says nothing: what it was given last is awaited for ever.
    StoreVanishesUntold => session,
    /// A move that has failed is not tried again.
    MoveTriedOnce => session,
    /// A connection's opening, up to the welcome, may take for ever.
    WelcomeAwaitedForEver => session,
    /// Of a message that has expired nothing is told.
    ExpiryUntold => plain,
    /// An open connection resets the back-off.
    ResetOnOpen => plain,
    /// A late timer is looked at before what lies in the socket.
    TimerBeforeSocket => plain,
    /// A message counts as written when it is queued at the socket.
    WrittenWhenQueued => plain,
    /// Any pong proves arrival.
    AnyPongProves => plain,
    /// What an abandoned connection says is taken for the present one's.
    StaleEvents => session,
    /// A refusal that says "never" is taken for a failure of the network.
    RefusalRetried => plain,
    /// Messages go out as fast as the connection takes them, whatever the send rate.
    SendRateIgnored => plain,
    /// Nothing is sent on a connection on which the peer is heard, so that one that counts what it receives cuts it.
    FeedGoesQuiet => plain,
    /// That connections are lost to the same silence teaches nothing.
    SilenceTeachesNothing => plain,
    /// That bytes of ours still go out in front of a ping is not seen, and the peer is called dead over them.
    OwnBytesUnseen => plain,
    /// Reading stops at the inbox's bound, although an outcome that the user awaits comes behind.
    OneInboxLimit => plain,
    /// That nobody reads although an outcome comes behind is not told, and so never ends.
    StalledReadUntold => plain,
    /// Who found no room does not hear of any.
    RoomUntold => plain,
    /// Who found no room does not hear that the client has ended.
    EndUntold => plain,
    /// Nothing is sent on a connection that was lost but still seems open: its loss is never noticed.
    DeathUnnoticed => plain,
}

impl std::fmt::Display for Mutant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The serialised name.
        self.serialize(f)
    }
}

impl std::str::FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|mutant| mutant.to_string() == name);
        found.copied().ok_or_else(|| format!("no mutant is called `{name}`"))
    }
}
