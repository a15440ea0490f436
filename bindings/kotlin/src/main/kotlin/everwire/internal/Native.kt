package everwire.internal

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.suspendCancellableCoroutine
import java.util.concurrent.ConcurrentHashMap
import kotlin.coroutines.resume

/**
 * The functions of the native library. `bindings/kotlin/native` has them; numbers of calls and waits are the same there.
 *
 * Nothing of the program's is called from there: [wake] has a coroutine go on where it belongs.
 */
internal object Native {
    init {
        Library.load()
    }

    @JvmStatic external fun start(settings: ByteArray): ByteArray

    @JvmStatic external fun free(client: Long)

    @JvmStatic external fun send(client: Long, payload: ByteArray, isText: Boolean): Long

    @JvmStatic external fun isConnected(client: Long): Boolean

    @JvmStatic external fun call(client: Long, what: Int, given: ByteArray): ByteArray

    @JvmStatic external fun begin(client: Long, what: Int, given: ByteArray): Long

    @JvmStatic external fun poll(wait: Long): ByteArray?

    @JvmStatic external fun cancel(wait: Long)

    private val waiting = ConcurrentHashMap<Long, CancellableContinuation<ByteArray?>>()

    /** Called by native threads: this wait can go on. */
    @Suppress("unused")
    @JvmStatic
    fun wake(wait: Long) {
        waiting.remove(wait)?.resume(null)
    }

    /** Begins a wait and goes through with it. Cancelled, nothing is lost: what was on its way comes again. */
    suspend fun await(client: Long, what: Int, given: ByteArray): ByteArray {
        val wait = begin(client, what, given)
        var early: ByteArray? = null
        try {
            while (true) {
                val answer = suspendCancellableCoroutine<ByteArray?> { continuation ->
                    waiting[wait] = continuation
                    // From here on a word that it goes on finds the continuation. What is there already is taken at once; a word that came
                    // meanwhile has the loop ask once more, and the answer is kept for that.
                    val answer = poll(wait)
                    if (answer != null && waiting.remove(wait) == null) early = answer
                    else if (answer != null) continuation.resume(answer)
                }
                (answer ?: early)?.let { return it }
            }
        } finally {
            waiting.remove(wait)
            cancel(wait)
        }
    }
}

/** What the library says instead of an answer. */
internal class NativeException(val kind: Kind, message: String) : Exception(message) {
    /** In the order of `failure` in `native/src/codec.rs`. */
    enum class Kind { SETTING, FULL, TOO_LARGE, CLOSED, OTHER, NO_SUCH_MESSAGE }
}
