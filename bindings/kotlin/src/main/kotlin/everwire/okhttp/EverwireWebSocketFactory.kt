package everwire.okhttp

import everwire.Message
import everwire.WebSocketClient
import everwire.WebSocketClient.State
import everwire.checkClose
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import okio.ByteString

/**
 * OkHttp's factory of WebSockets, of clients that stay connected: code that is written for `OkHttpClient.newWebSocket` runs unchanged.
 *
 * ```kotlin
 * val factory: WebSocket.Factory = EverwireWebSocketFactory()      // in place of an OkHttpClient
 * val socket = factory.newWebSocket(Request.Builder().url("wss://example.org/feed").build(), listener)
 * ```
 *
 * The listener is called on one thread at a time. `onOpen` comes once, with the first connection; a lost one is replaced without a
 * word, and a listener that wants one is a [ReconnectListener]. `onFailure` comes when the client has given up or was refused for
 * good, with the HTTP status as its response if there was one; `onClosing` and `onClosed` when the server has ended it or after `close`. `send` answers `false` only where OkHttp's would: the
 * outbox is full, or the socket is closed. What became of a message, OkHttp's interface has no word for:
 * [WebSocketClient.deliver] has.
 *
 * @param config the settings of each client; the request's headers are added
 */
public class EverwireWebSocketFactory @JvmOverloads constructor(
    private val config: WebSocketClient.Config = WebSocketClient.Config(),
) : WebSocket.Factory {
    override fun newWebSocket(request: Request, listener: WebSocketListener): WebSocket {
        val headers = config.headers + request.headers.toMultimap().mapValues { (_, values) -> values.joinToString(", ") }
        val protocols = headers.entries.filter { it.key.equals(PROTOCOL, ignoreCase = true) }
        val own = config.copy(
            headers = headers - protocols.map { it.key }.toSet(),
            subprotocols = config.subprotocols + protocols.flatMap { it.value.split(',') }.map { it.trim() },
        )
        val url = request.url.toString().replaceFirst("http", "ws")
        return Adapter(WebSocketClient(url, own), request, listener).also { it.start() }
    }
}

/** A [WebSocketListener] that hears of connections after the first one. */
public abstract class ReconnectListener : WebSocketListener() {
    /** The connection was lost, and another one is open. What was sent meanwhile goes out. */
    public open fun onReconnected(webSocket: WebSocket) {}
}

private const val PROTOCOL = "Sec-WebSocket-Protocol"

private class Adapter(
    private val client: WebSocketClient,
    private val request: Request,
    private val listener: WebSocketListener,
) : WebSocket {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** Messages and states on one line, so that the listener is called on one thread at a time; one message waits, no more. */
    private val line = Channel<suspend () -> Boolean>(Channel.RENDEZVOUS)

    @Volatile private var opened = false

    private var early = false

    @Volatile private var closing: Pair<Int, String>? = null

    fun start() {
        scope.launch {
            for (call in line) if (!call()) break
            line.cancel()
            client.close()
            scope.cancel()
        }
        // Who collects messages comes first: they are not among the events then. Every change of the state is, also quick ones.
        scope.launch(start = CoroutineStart.UNDISPATCHED) {
            client.messages.collect { message ->
                line.send {
                    // Messages come behind the word that there is a connection.
                    if (!opened) {
                        open()
                        early = true
                    }
                    when (message) {
                        is Message.Text -> listener.onMessage(this@Adapter, message.text)
                        is Message.Binary -> listener.onMessage(this@Adapter, message.bytes)
                    }
                    true
                }
            }
        }
        scope.launch(start = CoroutineStart.UNDISPATCHED) {
            client.events.collect { if (it is WebSocketClient.Event.StateChanged) line.send { heard(it.state) } }
        }
        client.connect()
    }

    /** Whether it goes on. */
    private fun heard(state: State): Boolean {
        val asked = closing
        when (state) {
            is State.Connected -> when {
                !opened -> open()
                // The first message was there before the word that there is a connection.
                early -> early = false
                else -> (listener as? ReconnectListener)?.onReconnected(this)
            }
            is State.Disconnected -> if (state.isFinal) {
                listener.onFailure(this, everwire.ConnectionException(state.reason, state.code), state.code?.let(::refusal))
                return false
            }
            is State.Closed -> when {
                asked != null -> {
                    if (opened) listener.onClosing(this, asked.first, asked.second)
                    listener.onClosed(this, asked.first, asked.second)
                    return false
                }
                opened -> {
                    listener.onClosing(this, NORMAL, "")
                    listener.onClosed(this, NORMAL, "")
                    return false
                }
            }
            is State.Connecting -> {}
        }
        return true
    }

    private fun open() {
        opened = true
        listener.onOpen(this, response(101, "Switching Protocols"))
    }

    /** The server's answer to the opening request, if it was one and no close code. */
    private fun refusal(code: Int): Response? = if (code in 100..599) response(code, "") else null

    private fun response(code: Int, message: String): Response =
        Response.Builder().request(request).protocol(Protocol.HTTP_1_1).code(code).message(message).build()

    override fun request(): Request = request

    override fun queueSize(): Long = client.stats().queuedBytes

    override fun send(text: String): Boolean = closing == null && client.send(text)

    override fun send(bytes: ByteString): Boolean = closing == null && client.send(bytes)

    override fun close(code: Int, reason: String?): Boolean {
        checkClose(code, reason)
        if (closing != null) return false
        closing = code to reason.orEmpty()
        // What waits goes out first, as with OkHttp; then the state is told, and the listener with it.
        client.close(code, reason)
        return true
    }

    override fun cancel() {
        if (closing != null) return
        closing = ABNORMAL to ""
        scope.launch { line.send { listener.onFailure(this@Adapter, java.io.IOException("Canceled"), null).let { false } } }
    }

    private companion object {
        const val NORMAL = 1000
        const val ABNORMAL = 1006
    }
}
