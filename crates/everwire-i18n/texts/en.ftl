# What a chat's user reads. Each message has the same name and the same variables in every language; a test checks it.

## The connection

connecting = connecting…
connecting-again = connecting, attempt { $attempt }…
connected = connected
offline = offline, next attempt in { $seconds } s
offline-now = offline, trying now
closing = leaving…
closing-now = leaving… Ctrl+C again leaves now
closed = closed
refused = refused: { $reason }
not-let-in = the server is there, but does not let you in
connect-again = connect again
retry-now = retry now
no-network = no network
refused-somehow = refused
gave-up-somehow = gave up
other-sign-in = sign in as somebody else
gave-up = gave up: { $reason }
waiting = { $count ->
    [one] { $count } message waits
   *[other] { $count } messages wait
}

## A message

status-sending = sending
status-sent = sent
status-delivered = delivered
status-read = read
status-failed = failed: { $reason }
failure-rejected = the server refused it: { $reason }
failure-dropped = too many messages were waiting
failure-cancelled = it was not sent
failure-unknown = it may or may not have arrived
retry = send again
cancel = take back
delete = delete
edit = edit
copy = copy
copied = copied
failure-other = it could not be sent
says = { $name }:
you-say = you:

## The list of messages

joined = { $name } joined
left = { $name } left
typing = { $count ->
    [one] { $first } is typing…
    [2] { $first } and { $second } are typing…
   *[other] { $first } and { $others } others are typing…
}
unread-line = { $count ->
    [one] { $count } new message
   *[other] { $count } new messages
}
many-unread = more than { $count } new messages
newest = to the newest
news = { $count } new
many-news = { $count }+ new
read-all = mark all as read
earlier-loading = loading earlier messages…
earlier-none = the beginning of the room
earlier-left-out = there are earlier messages
gap = messages are missing here
earlier-gone = earlier messages are no longer kept
gone = messages that stood here are no longer kept
empty-room = nobody has said anything yet
not-loaded = not loaded yet
today = Today
yesterday = Yesterday
day = { $weekday ->
    [1] Monday
    [2] Tuesday
    [3] Wednesday
    [4] Thursday
    [5] Friday
    [6] Saturday
   *[7] Sunday
}, { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }

## Rooms and people

rooms = Rooms
new-room = Join another room
leave-room = leave { $room }
copy-link = copy the link to this room
other-rooms = Other rooms
in-room = { $count } here
members-only = for members
leave-waiting = { $count ->
    [one] { $count } message is not sent yet
   *[other] { $count } messages are not sent yet
}; press × again to leave nevertheless
here = { $count ->
    [0] nobody else here
    [one] { $count } other here
   *[other] { $count } others here
}
who = Who is here
you = you
away = away
nobody = nobody else

## Writing

write-here = Write a message
send = Send
too-long = { $over ->
    [one] { $over } character too many
   *[other] { $over } characters too many
}
full = too many messages are waiting; try again when some have gone
not-now = this can't be sent now
too-late = too late: it is on its way
no-room = the browser has no more room for this page: what is not sent yet is lost when it is closed
not-kept = the browser keeps nothing for this page: what is not sent yet is lost when it is closed
notify = Notifications
notify-barred = the browser does not allow this page to notify you
sound = Sound
says-in = { $name } in { $room }
mentions-in = { $name } mentions you in { $room }
nothing-failed = nothing has failed
nothing-waiting = nothing is waiting
unknown-command = there is no { $command }; /help lists the commands
room-wanted = which room? /join NAME
room-unknown = you are not in { $room }
last-room = this is your only room; /quit leaves the chat
no-rooms = the server lists no rooms

## Signing in

sign-in = Sign in
sign-out = sign out
other-name = another name
no-answer = the server does not answer
new-version = there is a new version of this page
take-version = use it
enter = Join the chat
sign-in-wanted = this server wants to know who you are
left-elsewhere = you have left in another tab
other-elsewhere = somebody else is here in another tab now
link-asks = This link makes you { $name }, and here you are { $me }. Become { $name }?
name = Name
password = Password

## Why something is refused

reason-banned = you are banned
reason-members-only = the room is for its members only
reason-sign-in = the sign-in has ended: sign in again
reason-wrong = the user or the password is wrong
reason-other-user = this is the sign-in of another user
reason-too-often = too many attempts: wait a little
reason-busy = the server is busy: try again
reason-id-taken = another message has this id
reason-name-blank = the name is blank
reason-name-long = the name is longer than 64 characters
reason-name-odd = the name holds characters that are not allowed
reason-room-blank = the room’s name is blank
reason-room-long = the room’s name is longer than 64 characters
reason-room-odd = the room’s name holds characters that are not allowed
reason-text-long = the message is longer than 16 KiB
reason-text-blank = the message is blank
reason-malformed = the server did not understand it
reason-bad-user = the server does not accept this name
reason-token = the server does not accept this token
reason-other = the reason is not known

## What to do about it, on the terminal

todo-sign-in = sign in with --user NAME --sign-in, or give a token with --bearer-file FILE
todo-sign-in-again = leave and start again to sign in
todo-token = give a valid token, with --bearer-file or --token-command
todo-user = name the token’s user with --user
todo-banned = whoever runs the server can let you in again
todo-room = join another room with --room, or ask whoever runs the server to let you into this one
todo-ask = ask whoever runs the server

## The terminal's help

help-title = Keys and commands
help-keys =
    Enter, Alt+Enter   send, a new line
    Ctrl+U, Ctrl+Z     clear the line, undo
    Tab                complete a name
    PgUp, PgDn         scroll; the mouse wheel too
    Ctrl+End           to the newest message
    Alt+Up, Alt+Down   choose yours: r resends, x takes back
    Ctrl+N, Ctrl+P     the next room, the one before
    F1, F2, Ctrl+C     this help, who is here, leave
help-commands =
    /join ROOM, /part  join another room, or go there; leave
    /rooms, /who       which rooms there are, who is here
    /read              mark all as read
    /retry             send all that failed again
    /cancel            take back all that waits
    /quit              leave
    //…                a line that starts with a slash
help-close = Esc closes this
close = close
missed = { $count ->
    [one] { $count } event was missed; catching up
   *[other] { $count } events were missed; catching up
}
undelivered = { $count ->
    [one] { $count } message is not known to have arrived
   *[other] { $count } messages are not known to have arrived
}
kept-for-later = { $count ->
    [one] { $count } message is kept and sent by the next start
   *[other] { $count } messages are kept and sent by the next start
}
unsent-kept = { $count ->
    [one] { $count } message was not sent; it is kept in { $folder }
   *[other] { $count } messages were not sent; they are kept in { $folder }
}, and the next start with the same --outbox sends what is there
unsent-lost = { $count ->
    [one] { $count } message is not known to have been sent, and is
   *[other] { $count } messages are not known to have been sent, and are
} kept nowhere; --user NAME --outbox DIR keeps what waits
farewell = you have left
