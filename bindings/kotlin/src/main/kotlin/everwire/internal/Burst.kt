package everwire.internal

/**
 * Notices messages that follow each other so closely that they are worth gathering before they cross the border: one crossing for each
 * costs more than all the rest. In a dialogue, where each message waits for an answer, gathering would only delay it.
 */
internal class Burst {
    /** When the last message was accepted, by `System.nanoTime`. */
    private var last = 0L
    private var before = false

    /** Whether the next message belongs to a burst, with so many messages on their way. */
    fun continuesAt(now: Long, open: Int): Boolean = before && open >= BUSY && now - last < SOON_NS

    fun acceptedAt(now: Long) {
        last = now
        before = true
    }

    private companion object {
        const val BUSY = 4

        /** A loop that sends takes some 1 µs for each message; an answer takes a change of threads at least. */
        const val SOON_NS = 10_000L
    }
}
