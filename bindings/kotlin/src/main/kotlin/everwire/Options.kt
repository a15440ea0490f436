package everwire

/** Whether there is a session, which outlives connections: every message exactly once and in order, in both directions. */
public enum class Session {
    /** None: for servers of any kind. */
    OFF,

    /** One if the server speaks `everwire.v1`. */
    PREFER,

    /** A server that does not speak `everwire.v1` is refused. */
    REQUIRE,
}

/** How far delivery is proven without a session, and what happens to the unproven when a connection is lost. */
public enum class Guarantee {
    /** Nothing is proven. */
    UNPROVEN,

    /** Arrival is proven; the unproven end as unknown and are never sent twice. */
    AT_MOST_ONCE,

    /** Arrival is proven; the unproven are sent again, so that the server may see them twice. */
    AT_LEAST_ONCE,
}

/** What the platform or the user knows about the network or the device. Harmless at any time. */
public enum class Hint {
    /** There is a network: a waiting client tries at once. */
    ONLINE,

    /** There is no network: an open connection is probed. */
    OFFLINE,

    /** The network is another: an open connection is probed, a waiting client tries at once. */
    NETWORK_CHANGED,

    /** The device woke from sleep: an open connection is probed, a waiting client tries at once. */
    WOKE,

    /** The user asks: a waiting client tries at once. */
    RETRY_NOW,
}

/** Which of the queued messages go first. */
public enum class Priority { HIGH, NORMAL, LOW }

/**
 * What is special about a message.
 *
 * @property ttlMs how long it may wait to be sent, in milliseconds; then it ends as [Outcome.Kind.EXPIRED]. Default: as long as it takes
 * @property priority which of the queued messages go first
 * @property key of the queued messages with one key only the latest is sent. Default: none
 */
public data class SendOptions @JvmOverloads constructor(
    val ttlMs: Long? = null,
    val priority: Priority = Priority.NORMAL,
    val key: String? = null,
)

/** A setting is wrong, and trying again with the same one is; the message names it and says what is allowed. */
public class SettingException(message: String) : IllegalArgumentException(message)

/** Thrown in `onOpen` or `beforeAttempt`: trying again would not help, and the client ends. Any other exception is tried again. */
public class PermanentException(message: String) : Exception(message)

/** A connection failed or ended, or can't be used any more. */
public class ConnectionException(message: String, /** The close code or HTTP status, if there was one. */ public val code: Int? = null) :
    java.io.IOException(message)

/**
 * Numbers of a client: since it was made, and now.
 *
 * @property attempts attempts to open a connection
 * @property connections connections that were opened
 * @property queuedMessages messages that wait to be sent now
 * @property queuedBytes payload bytes of those
 * @property unprovenMessages messages that were handed to a connection and have no outcome now
 * @property messagesSent messages handed to a connection, those sent again included
 * @property messagesReceived messages received
 * @property roundTripMicros the round trip, smoothed, in microseconds
 */
public data class Stats(
    val attempts: Long,
    val connections: Long,
    val queuedMessages: Long,
    val queuedBytes: Long,
    val unprovenMessages: Long,
    val messagesSent: Long,
    val messagesReceived: Long,
    val roundTripMicros: Long?,
)
