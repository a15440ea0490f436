package everwire

import everwire.internal.Client
import everwire.internal.NativeException
import everwire.internal.Step
import okio.ByteString

/**
 * A connection that has just opened, before anything that waits is sent on it: the place to log in and to subscribe. It is
 * over when the block that has it returns; the time counts into [WebSocketClient.Config.connectionTimeoutMs].
 */
public class Opening internal constructor(private val native: Client, private val step: Step) {
    /** The subprotocol that the server chose. */
    public val subprotocol: String? get() = step.subprotocol

    /** Number of the attempt, from 1 since the last useful connection. */
    public val attempt: Int get() = step.attempt

    /**
     * Sends a text, and waits until it is written. It has no outcome: if the connection fails, the block runs again on the next one.
     *
     * @throws ConnectionException the connection has ended
     */
    public suspend fun send(text: String): Unit = talking { native.openingSend(step.id, text.toPayload()) }

    /** Sends bytes; see the other [send]. */
    public suspend fun send(bytes: ByteString): Unit = talking { native.openingSend(step.id, bytes.toPayload()) }

    /**
     * The next message from the server. What is not received here comes as any other message.
     *
     * @throws ConnectionException the connection has ended
     */
    public suspend fun receive(): Message = talking { native.openingReceive(step.id) }

    private suspend fun <T> talking(work: suspend () -> T): T = try {
        work()
    } catch (over: NativeException) {
        throw ConnectionException(over.message.orEmpty())
    }
}

/**
 * An attempt that is about to start.
 *
 * @property url where it would go
 * @property number its number, from 1 since the last useful connection
 * @property lastCause why the last attempt or connection ended, in words; `null` for the very first one
 * @property lastCode the close code or HTTP status of that; 401 says that the credentials were refused
 */
public data class Attempt(val url: String, val number: Int, val lastCause: String?, val lastCode: Int?)

/**
 * What an attempt asks for. What is `null` stays as it was set.
 *
 * @property url where to connect
 * @property headers in place of those of the same name
 * @property subprotocols what to offer, the preferred one first
 */
public data class AttemptAnswer @JvmOverloads constructor(
    val url: String? = null,
    val headers: Map<String, String> = emptyMap(),
    val subprotocols: List<String>? = null,
)
