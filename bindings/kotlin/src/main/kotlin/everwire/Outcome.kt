package everwire

/**
 * What became of a message. Each message has exactly one outcome.
 *
 * @property kind which one
 * @property isDelivered whether the message certainly arrived
 * @property isSafeToResend whether it certainly was not processed, so that sending it again can't double it
 * @property text the same in words, one line
 */
public data class Outcome(
    val kind: Kind,
    val isDelivered: Boolean,
    val isSafeToResend: Boolean,
    val text: String,
) {
    /** The kinds of outcomes, in the order of `OutcomeKind` in `everwire-bind`. */
    public enum class Kind {
        /** The server's application has processed it (sessions only). */
        ACKNOWLEDGED,

        /** The server's WebSocket endpoint has read it. */
        RECEIVED,

        /** Its time to live was over before it was handed to a socket. */
        EXPIRED,

        /** It certainly never arrived: it was the oldest when a newer one needed room. */
        DROPPED_OLDEST,

        /** It certainly never arrived: it was the newest and found no room. */
        DROPPED_NEWEST,

        /** It certainly never arrived: it had the lowest priority when room was needed. */
        DROPPED_LOWEST_PRIORITY,

        /** It certainly never arrived: a newer message with its key took its place. */
        CONFLATED,

        /** It certainly never arrived: there was no connection, and it was not to wait for one. */
        DROPPED_NOT_CONNECTED,

        /** The server refused it, and would again. */
        REJECTED,

        /** It certainly never arrived: it was cancelled, or the client ended first. */
        CANCELLED,

        /** It was queued, and nothing more can be known of it: it may or may not have arrived. */
        UNKNOWN_QUEUED,

        /** It was written to a connection, and nothing proves its arrival. */
        UNKNOWN_WRITTEN,

        /** It is kept in the outbox's file for the next start. */
        STORED,
    }

    internal companion object {
        val NOT_CONNECTED = Outcome(
            Kind.DROPPED_NOT_CONNECTED,
            isDelivered = false,
            isSafeToResend = true,
            text = "dropped: there was no connection, and messages are not queued",
        )

        val OLDEST = Outcome(
            Kind.DROPPED_OLDEST,
            isDelivered = false,
            isSafeToResend = true,
            text = "dropped: the queue was full and this was the oldest",
        )

        fun closed(reason: String) = Outcome(Kind.CANCELLED, isDelivered = false, isSafeToResend = true, text = reason)
    }
}
