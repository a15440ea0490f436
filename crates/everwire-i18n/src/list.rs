// All texts: the name in `texts/*.ftl`, and the variables. The build script reads this list too.
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
    /// The same, where a key need not wait for it.
    #[cfg(feature = "terminal")]
    ClosingNow = "closing-now",
    Closed = "closed",
    /// The server, or what is in between, will have none of us.
    Refused = "refused" { reason: &'a str },
    /// Of the page, to which a browser does not say why: the server is there, and there is no connection.
    NotLetIn = "not-let-in",
    ConnectAgain = "connect-again",
    RetryNow = "retry-now",
    /// Of the page: the browser says so.
    NoNetwork = "no-network",
    /// The same words of a server or a library that has no code for it, for those who don't speak their language.
    RefusedSomehow = "refused-somehow",
    GaveUpSomehow = "gave-up-somehow",
    /// To the sign-in, where this one is refused.
    OtherSignIn = "other-sign-in",
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
    FailureUnknown = "failure-unknown",
    Retry = "retry",
    Cancel = "cancel",
    Delete = "delete",
    Edit = "edit",
    Copy = "copy",
    Copied = "copied",
    /// Of a failure that has no words of its own.
    FailureOther = "failure-other",
    /// Who says a line, for those who hear the list.
    Says = "says" { name: &'a str },
    YouSay = "you-say",

    Joined = "joined" { name: &'a str },
    Left = "left" { name: &'a str },
    /// Who is typing: how many, the first two by name, and how many there are beside the first.
    Typing = "typing" { count: u64, first: &'a str, second: &'a str, others: u64 },
    /// Above the first message that was not seen.
    UnreadLine = "unread-line" { count: u64 },
    /// The same where there are more than were counted.
    ManyUnread = "many-unread" { count: u64 },
    Newest = "newest",
    /// The way to the newest, and how many are there that were not seen.
    News = "news" { count: u64 },
    /// The same where there are more than were counted.
    ManyNews = "many-news" { count: u64 },
    /// Of the page: the button that marks as read all that was passed over.
    ReadAll = "read-all",
    #[cfg(feature = "terminal")]
    EarlierLoading = "earlier-loading",
    EarlierNone = "earlier-none",
    EarlierLeftOut = "earlier-left-out",
    Gap = "gap",
    /// The server has removed what was before the first.
    EarlierGone = "earlier-gone",
    /// The server has removed what was here.
    Gone = "gone",
    EmptyRoom = "empty-room",
    /// It is not known what was said.
    NotLoaded = "not-loaded",
    Today = "today",
    Yesterday = "yesterday",
    /// A date: the weekday from Monday, 1, the month from January, 1, the year in digits.
    Day = "day" { weekday: u8, day: u8, month: u8, year: &'a str },

    Rooms = "rooms",
    NewRoom = "new-room",
    LeaveRoom = "leave-room" { room: &'a str },
    CopyLink = "copy-link",
    /// Rooms that one is not in.
    OtherRooms = "other-rooms",
    /// The text for a number of users in a room.
    InRoom = "in-room" { count: u64 },
    /// Of a room that only its members may enter.
    MembersOnly = "members-only",
    /// Of the page, before a room is left to which messages wait.
    LeaveWaiting = "leave-waiting" { count: u64 },
    /// The text for a number of users besides us.
    Here = "here" { count: u64 },
    Who = "who",
    You = "you",
    Away = "away",
    #[cfg(feature = "terminal")]
    Nobody = "nobody",

    WriteHere = "write-here",
    Send = "send",
    TooLong = "too-long" { over: u64 },
    Full = "full",
    /// What is asked to be sent can't be: the connection has ended for good, or it was refused.
    NotNow = "not-now",
    /// What is asked to be taken back may have arrived.
    TooLate = "too-late",
    /// Of the page: what is written is sent, but can't be kept until then.
    NoRoom = "no-room",
    /// Of the page, where the browser keeps nothing for it.
    NotKept = "not-kept",
    /// Of the page: the switch for the browser's notifications of messages that arrive while the user does not look.
    Notify = "notify",
    NotifyBarred = "notify-barred",
    Sound = "sound",
    /// The title of a notification.
    SaysIn = "says-in" { name: &'a str, room: &'a str },
    MentionsIn = "mentions-in" { name: &'a str, room: &'a str },
    #[cfg(feature = "terminal")]
    NothingFailed = "nothing-failed",
    #[cfg(feature = "terminal")]
    NothingWaiting = "nothing-waiting",
    #[cfg(feature = "terminal")]
    UnknownCommand = "unknown-command" { command: &'a str },
    #[cfg(feature = "terminal")]
    RoomWanted = "room-wanted",
    #[cfg(feature = "terminal")]
    RoomUnknown = "room-unknown" { room: &'a str },
    #[cfg(feature = "terminal")]
    LastRoom = "last-room",
    #[cfg(feature = "terminal")]
    NoRooms = "no-rooms",

    SignIn = "sign-in",
    SignOut = "sign-out",
    OtherName = "other-name",
    NoAnswer = "no-answer",
    /// Of the page.
    NewVersion = "new-version",
    TakeVersion = "take-version",
    Enter = "enter",
    SignInWanted = "sign-in-wanted",
    /// Of the page, in a tab in which one did not sign out.
    LeftElsewhere = "left-elsewhere",
    /// Of the page: the user has become another user in another tab.
    OtherElsewhere = "other-elsewhere",
    /// Of the page, before a link changes who one is.
    LinkAsks = "link-asks" { name: &'a str, me: &'a str },
    Name = "name",
    Password = "password",

    ReasonBanned = "reason-banned",
    ReasonMembersOnly = "reason-members-only",
    ReasonSignIn = "reason-sign-in",
    ReasonWrong = "reason-wrong",
    ReasonOtherUser = "reason-other-user",
    ReasonTooOften = "reason-too-often",
    ReasonBusy = "reason-busy",
    ReasonIdTaken = "reason-id-taken",
    ReasonNameBlank = "reason-name-blank",
    ReasonNameLong = "reason-name-long",
    ReasonNameOdd = "reason-name-odd",
    ReasonRoomBlank = "reason-room-blank",
    ReasonRoomLong = "reason-room-long",
    ReasonRoomOdd = "reason-room-odd",
    ReasonTextLong = "reason-text-long",
    ReasonTextBlank = "reason-text-blank",
    ReasonMalformed = "reason-malformed",
    ReasonBadUser = "reason-bad-user",
    #[cfg(feature = "terminal")]
    ReasonToken = "reason-token",
    /// Of a reason that has words in another language only.
    ReasonOther = "reason-other",

    #[cfg(feature = "terminal")]
    TodoSignIn = "todo-sign-in",
    #[cfg(feature = "terminal")]
    TodoSignInAgain = "todo-sign-in-again",
    #[cfg(feature = "terminal")]
    TodoToken = "todo-token",
    #[cfg(feature = "terminal")]
    TodoUser = "todo-user",
    #[cfg(feature = "terminal")]
    TodoBanned = "todo-banned",
    #[cfg(feature = "terminal")]
    TodoRoom = "todo-room",
    #[cfg(feature = "terminal")]
    TodoAsk = "todo-ask",

    #[cfg(feature = "terminal")]
    HelpTitle = "help-title",
    #[cfg(feature = "terminal")]
    HelpKeys = "help-keys",
    #[cfg(feature = "terminal")]
    HelpCommands = "help-commands",
    #[cfg(feature = "terminal")]
    HelpClose = "help-close",
    Close = "close",
    /// Events that a listener was too slow for.
    #[cfg(feature = "terminal")]
    Missed = "missed" { count: u64 },
    #[cfg(feature = "terminal")]
    Undelivered = "undelivered" { count: u64 },
    /// With an outbox on the disk.
    #[cfg(feature = "terminal")]
    KeptForLater = "kept-for-later" { count: u64 },
    /// The same for a user who does not wait until they are sent: they are kept on the disk, or lost.
    #[cfg(feature = "terminal")]
    UnsentKept = "unsent-kept" { count: u64, folder: &'a str },
    #[cfg(feature = "terminal")]
    UnsentLost = "unsent-lost" { count: u64 },
    #[cfg(feature = "terminal")]
    Farewell = "farewell",
}
