use crate::pattern::Value;

/// Makes an enum of texts: a variant for each name in the files, with its variables.
macro_rules! texts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $({ $($variable:ident: $type:ty),+ })?,)+) => {
        /// A text, with what is filled into it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(missing_docs)] // variables say by their names what they are
        pub enum Text<'a> {
            $($(#[$doc])* $variant $({ $($variable: $type),+ })?,)+
        }

        impl Text<'_> {
            /// Every text: its name in the files and the names of its variables.
            pub const ALL: &'static [(&'static str, &'static [&'static str])] =
                &[$(($name, &[$($(stringify!($variable)),+)?])),+];

            /// Its name in the files.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }

            /// The variable of that name.
            pub(crate) fn variable(&self, name: &str) -> Option<Value<'_>> {
                match self {
                    $(Self::$variant $({ $($variable),+ })? => {
                        $($(if name == stringify!($variable) {
                            return Some((*$variable).into());
                        })+)?
                    })+
                }
                None
            }
        }
    };
}

texts! {
    /// The first attempt to connect.
    Connecting = "connecting",
    /// A later one.
    ConnectingAgain = "connecting-again" { attempt: u32 },
    Connected = "connected",
    /// Not connected, with the time to the next attempt.
    Offline = "offline" { seconds: u64 },
    OfflineNow = "offline-now",
    Closing = "closing",
    Closed = "closed",
    /// The server, or what is in between, will have none of us.
    Refused = "refused" { reason: &'a str },
    /// Attempts have come to their limit.
    GaveUp = "gave-up" { reason: &'a str },
    /// Messages that wait to be sent.
    Waiting = "waiting" { count: u64 },

    StatusSending = "status-sending",
    StatusSent = "status-sent",
    StatusDelivered = "status-delivered",
    StatusRead = "status-read",
    StatusFailed = "status-failed" { reason: &'a str },
    FailureRejected = "failure-rejected" { reason: &'a str },
    FailureDropped = "failure-dropped",
    FailureCancelled = "failure-cancelled",
    FailureExpired = "failure-expired",
    FailureUnknown = "failure-unknown",
    Retry = "retry",
    Cancel = "cancel",
    Delete = "delete",
    Copy = "copy",

    Joined = "joined" { name: &'a str },
    Left = "left" { name: &'a str },
    /// Who is typing: how many, the first two by name, and how many there are beside the first.
    Typing = "typing" { count: u64, first: &'a str, second: &'a str, others: u64 },
    /// Above the first message that was not seen.
    UnreadLine = "unread-line" { count: u64 },
    Newest = "newest",
    EarlierLoading = "earlier-loading",
    EarlierNone = "earlier-none",
    EarlierLeftOut = "earlier-left-out",
    Gap = "gap",
    /// The server has removed what was before the first.
    EarlierGone = "earlier-gone",
    /// The server has removed what was here.
    Gone = "gone",
    EmptyRoom = "empty-room",
    Today = "today",
    Yesterday = "yesterday",
    /// A date: the weekday from Monday, 1, the month from January, 1, the year in digits.
    Day = "day" { weekday: u8, day: u8, month: u8, year: &'a str },

    Rooms = "rooms",
    NewRoom = "new-room",
    LeaveRoom = "leave-room" { room: &'a str },
    /// How many are here besides us.
    Here = "here" { count: u64 },
    Who = "who",
    You = "you",
    Away = "away",
    Nobody = "nobody",

    WriteHere = "write-here",
    Send = "send",
    TooLong = "too-long" { over: u64 },
    Blank = "blank",
    Full = "full",
    /// Of the page: what is written is sent, but can't be kept until then.
    NoRoom = "no-room",
    NothingFailed = "nothing-failed",
    NothingWaiting = "nothing-waiting",
    UnknownCommand = "unknown-command" { command: &'a str },
    RoomWanted = "room-wanted",
    RoomUnknown = "room-unknown" { room: &'a str },
    LastRoom = "last-room",

    SignIn = "sign-in",
    /// Of the page.
    NewVersion = "new-version",
    TakeVersion = "take-version",
    Enter = "enter",
    SignInWanted = "sign-in-wanted",
    SignInWrong = "sign-in-wrong",
    Name = "name",
    Password = "password",

    HelpTitle = "help-title",
    HelpKeys = "help-keys",
    HelpCommands = "help-commands",
    HelpClose = "help-close",
    Close = "close",
    /// Events that a listener was too slow for.
    Missed = "missed" { count: u64 },
    Undelivered = "undelivered" { count: u64 },
    /// With an outbox on the disk.
    KeptForLater = "kept-for-later" { count: u64 },
    Farewell = "farewell",
}
