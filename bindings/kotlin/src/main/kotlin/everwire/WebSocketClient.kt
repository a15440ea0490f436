package everwire

import everwire.internal.Library
import everwire.internal.Phase
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.future.future
import kotlinx.coroutines.launch
import okhttp3.OkHttpClient
import okhttp3.WebSocket
import okio.ByteString
import java.util.concurrent.CompletableFuture
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import everwire.internal.Event as NativeEvent
import everwire.internal.State as NativeState

/**
 * A WebSocket client that stays connected, and tells what became of each message.
 *
 * It connects when [connect] is called, and from then on reconnects until [disconnect] or [close]. Messages that are sent meanwhile
 * wait in a queue, text and bytes alike, and go out in the order of the calls. All methods may be called from any thread.
 *
 * ```kotlin
 * val client = WebSocketClient("wss://example.org/feed")
 * client.connect()
 * val outcome = client.deliver("hello")          // a pong proves the arrival, or the outcome says what happened
 * client.messages.collect { println(it) }        // in order, with back-pressure
 * ```
 *
 * @param url a `ws` or `wss` URL
 * @param okHttpClient for code that had one: its proxy is used, and nothing else of it; connections are not OkHttp's. One with certificate
 *   pins, a host name verifier, a socket factory or a trust manager of its own is refused: see [Config.pins] and [Config.rootCertificates].
 *   Interceptors, cookies, DNS and a client certificate are not used, and not noticed
 * @param config every setting with its default
 * @param beforeAttempt asked before each attempt where to connect and with which headers: for fresh credentials. A 401 is then tried again
 * @param onOpen has each new connection to itself before anything that waits is sent on it: to log in, to subscribe. Not in a session
 * @throws SettingException a setting is wrong; nothing has been started then
 */
public class WebSocketClient @JvmOverloads constructor(
    private val url: String,
    okHttpClient: OkHttpClient? = null,
    private val config: Config = Config(),
    beforeAttempt: (suspend (Attempt) -> AttemptAnswer?)? = null,
    onOpen: (suspend Opening.() -> Unit)? = null,
) : AutoCloseable {
    /** Without an `OkHttpClient`. */
    public constructor(url: String, config: Config) : this(url, null, config)

    /**
     * Every setting. Times are in milliseconds.
     *
     * @property maxReconnectAttempts attempts without a useful connection after which the client gives up. Default: no limit
     * @property initialReconnectDelayMs delay before the first retry, before it is spread over all of itself. Default 1,000
     * @property maxReconnectDelayMs the longest delay. Default 30,000
     * @property reconnectDelayFactor what each further delay is multiplied by, at least 1. Default 2
     * @property heartbeatIntervalMs silence after which the server is pinged. Default 30,000; 0: no heartbeat
     * @property heartbeatTimeoutMs further silence after which it counts as dead. Default 10,000
     * @property connectionTimeoutMs how long a whole opening may take. Default 10,000
     * @property enableMessageQueue whether messages wait while there is no connection. Default true
     * @property maxQueueSize messages that may wait while there is no connection; then the oldest is dropped, and its outcome says so. Default 100
     * @property session whether there is a session: exactly once, in order, over lost connections, with servers that speak `everwire.v1`. Default off
     * @property guarantee without a session: what happens to messages whose arrival a lost connection leaves unproven. Default: they are not sent again
     * @property headers headers of the opening request. Default none
     * @property subprotocols subprotocols to offer, the preferred one first. Default none
     * @property addresses further URLs of the server, tried in turn after failures. Default none
     * @property textPing a text that the server answers by [textPong], in place of the protocol's pings: both or neither. Default none
     * @property textPong the answer, which is not among the received messages. Default none
     * @property outboxFile a file in which the outbox outlives the process; one client at a time. Default none
     * @property outboxMessages messages that may wait for sending or for evidence in all; then `send` refuses and `deliver` waits. Default 65,536
     * @property outboxBytes payload bytes of those. Default 16 MiB
     * @property inboxMessages received messages that may wait to be collected; then the socket is not read. Default 1,024
     * @property maxMessageBytes the largest message that is accepted from the server. Default 64 MiB
     * @property reconnectOnNormalClose whether it reconnects after a close with 1000, which otherwise ends it. Default false
     * @property retryOn HTTP statuses and close codes after which it tries again, though usually it would not. Default none
     * @property stopOn HTTP statuses and close codes after which it ends, though usually it would try again. Default none
     * @property sendRatePerSecond messages a second at most. Default: as fast as the connection takes them
     * @property compression whether permessage-deflate is offered. Default false
     * @property proxy a proxy's URL, or `none`. Default: what the environment says, or the `okHttpClient`
     * @property rootCertificates further roots to trust, in PEM. Default none
     * @property pins public keys of which the server must have one, as `sha256/BASE64`. Default none
     */
    public data class Config @JvmOverloads constructor(
        val maxReconnectAttempts: Int = Int.MAX_VALUE,
        val initialReconnectDelayMs: Long = 1_000L,
        val maxReconnectDelayMs: Long = 30_000L,
        val reconnectDelayFactor: Double = 2.0,
        val heartbeatIntervalMs: Long = 30_000L,
        val heartbeatTimeoutMs: Long = 10_000L,
        val connectionTimeoutMs: Long = 10_000L,
        val enableMessageQueue: Boolean = true,
        val maxQueueSize: Int = 100,
        val session: Session = Session.OFF,
        val guarantee: Guarantee = Guarantee.AT_MOST_ONCE,
        val headers: Map<String, String> = emptyMap(),
        val subprotocols: List<String> = emptyList(),
        val addresses: List<String> = emptyList(),
        val textPing: String? = null,
        val textPong: String? = null,
        val outboxFile: String? = null,
        val outboxMessages: Int = 65_536,
        val outboxBytes: Long = 16L shl 20,
        val inboxMessages: Int = 1_024,
        val maxMessageBytes: Long = 64L shl 20,
        val reconnectOnNormalClose: Boolean = false,
        val retryOn: List<Int> = emptyList(),
        val stopOn: List<Int> = emptyList(),
        val sendRatePerSecond: Double? = null,
        val compression: Boolean = false,
        val proxy: String? = null,
        val rootCertificates: List<String> = emptyList(),
        val pins: List<String> = emptyList(),
    )

    /** Where the client stands. */
    public sealed class State {
        /** Nothing runs: not connected yet, disconnected on purpose, or the server has ended it with 1000. */
        public object Closed : State() {
            override fun toString(): String = "Closed"
        }

        /** An attempt is under way. */
        public object Connecting : State() {
            override fun toString(): String = "Connecting"
        }

        /**
         * The connection is open.
         *
         * @property webSocket the client, as OkHttp's interface has it
         */
        public data class Connected(val webSocket: WebSocket) : State()

        /**
         * There is no connection, and why.
         *
         * @property code the close code or HTTP status, if there was one
         * @property isFinal the client has given up, or trying again can't help: it stays so until [connect]
         */
        public data class Disconnected @JvmOverloads constructor(
            val reason: String,
            val code: Int?,
            val isFinal: Boolean = false,
        ) : State()
    }

    /** What happened. */
    public sealed class Event {
        /** A text was received. */
        public data class MessageReceived(val text: String) : Event()

        /** Bytes were received. */
        public data class DataReceived(val bytes: ByteString) : Event()

        /** The state changed. */
        public data class StateChanged(val state: State) : Event()

        /** An attempt failed, or a connection was lost; the client goes on unless the state says otherwise. */
        public data class Error(val throwable: Throwable) : Event()
    }

    private val _state = MutableStateFlow<State>(State.Closed)

    /** Where the client stands; the latest value is kept. */
    public val state: StateFlow<State> = _state.asStateFlow()

    private val _events = MutableSharedFlow<Event>(extraBufferCapacity = 64, onBufferOverflow = BufferOverflow.SUSPEND)

    /**
     * What happens, in order, received messages included while nobody collects [messages].
     *
     * Received messages wait while a collector is slow, or none is left, and beyond [Config.inboxMessages] the server waits too. Until
     * there is the first collector, of these events or of [messages], nobody waits: the newest [Config.inboxMessages] are kept, so that a
     * program that only sends is not held up. Other events are for who collects then.
     */
    public val events: SharedFlow<Event> = _events.asSharedFlow()

    private val collectors = MutableStateFlow(0)

    private val socket by lazy { SocketView() }

    private val engine = Engine(
        config.toSettings(url, okHttpClient, beforeAttempt != null, onOpen != null),
        Asks(beforeAttempt, onOpen),
        if (config.enableMessageQueue) config.maxQueueSize else 0,
        Teller(),
    )

    internal val scope: CoroutineScope get() = engine.scope

    /**
     * The received messages, in order over all connections, with back-pressure: while a collector is busy, they wait in the client,
     * and beyond [Config.inboxMessages] the server does; until there is the first collector, only the newest are kept. One collector at a
     * time; the next one goes on where it stopped. Completes when the client has ended. In a session a message counts as processed when those after it are asked for.
     */
    public val messages: Flow<Message> = object : Flow<Message> {
        // Not by `flow { }`, whose `emit` may throw for a cancellation before the collector has the message: it would be lost.
        override suspend fun collect(collector: FlowCollector<Message>) {
            collectors.update { it + 1 }
            try {
                engine.read(takenBefore = true) { collector.emit(it) }
            } finally {
                collectors.update { it - 1 }
            }
        }
    }

    /** Messages that an earlier client with the same [Config.outboxFile] has left, oldest first; they are sent by themselves. */
    public val recovered: List<Recovered> get() = engine.recovered

    init {
        scope.launch {
            val listened = _events.subscriptionCount.combine(collectors) { events, messages -> events > 0 && messages == 0 }
            listened.distinctUntilChanged().collectLatest { if (it) engine.read(takenBefore = false, ::emit) }
        }
    }

    /** Connects, in the background. Where there is a connection or an attempt, it changes nothing. */
    public fun connect() {
        engine.connect()
    }

    /** Leaves in order, and stays away until [connect]. What waits to be sent waits on. */
    public fun disconnect() {
        engine.disconnect()
    }

    /** A waiting client tries at once (once a second at most); a disconnected one connects. */
    public fun reconnectNow() {
        engine.reconnectNow()
    }

    /** In a session, moves to a new connection while the present one still works: for fresh credentials, say. */
    public fun migrate() {
        engine.migrate()
    }

    /** Passes on what the platform knows: the network has changed, the device woke. */
    public fun hint(hint: Hint) {
        engine.hint(hint)
    }

    /**
     * Puts a text into the outbox. It goes out in the order of the calls. Never waits.
     *
     * @return whether it was accepted; what becomes of it [deliver] tells. `false`: the outbox is full, the client is closed, or
     *   there is no connection and messages are not queued
     */
    public fun send(message: String): Boolean = engine.offer(message.toPayload())

    /** Puts bytes into the outbox; see the other [send]. */
    public fun send(bytes: ByteString): Boolean = engine.offer(bytes.toPayload())

    /**
     * Puts many texts into the outbox, in order: several times as fast as one by one.
     *
     * @return how many were accepted; those behind are not sent
     */
    public fun sendAll(messages: List<String>): Int = engine.offerAll(messages.map { it.toPayload() })

    /** Sends a text that is worth something only now, such as a typing signal: it is dropped if there is no connection. */
    public fun sendVolatile(message: String): Boolean = engine.volatile(message.toPayload())

    /**
     * Sends a text and waits for what becomes of it. Where the outbox is full it waits for room.
     *
     * Cancelled, it waits no longer; the message is sent all the same, unless it still waited for room.
     */
    @JvmSynthetic
    public suspend fun deliver(message: String, options: SendOptions = SendOptions()): Outcome =
        engine.deliver(message.toPayload(), options.toNative())

    /** Sends bytes and waits for what becomes of them; see the other [deliver]. */
    @JvmSynthetic
    public suspend fun deliver(bytes: ByteString, options: SendOptions = SendOptions()): Outcome =
        engine.deliver(bytes.toPayload(), options.toNative())

    /** [deliver], for Java. What one thread delivers goes in that order. */
    @JvmOverloads
    public fun deliverAsync(message: String, options: SendOptions = SendOptions()): CompletableFuture<Outcome> =
        scope.future(start = CoroutineStart.UNDISPATCHED) { deliver(message, options) }

    /** [deliver] of bytes, for Java. */
    @JvmOverloads
    public fun deliverAsync(bytes: ByteArray, options: SendOptions = SendOptions()): CompletableFuture<Outcome> =
        scope.future(start = CoroutineStart.UNDISPATCHED) { deliver(ByteString.of(*bytes), options) }

    /** Counts and sizes of the client, as of now. */
    public fun stats(): Stats = engine.stats()

    /**
     * Ends the client in order: sends what waits, waits for the evidence, does the closing handshake and releases
     * everything. Returns the messages that were not sent or not proven to have arrived within the time.
     *
     * Cancelled, it goes on.
     */
    @JvmSynthetic
    public suspend fun finish(within: Duration): Undelivered = engine.finish(within.inWholeMilliseconds)

    /** [finish], for Java. */
    public fun finishAsync(within: java.time.Duration): CompletableFuture<Undelivered> =
        // Not in the client's own scope, which ends with it.
        FUTURES.future { finish(within.toMillis().milliseconds) }

    /** Ends the client in the background: what waits is sent within two seconds, then everything is released. [finish] waits for that. */
    override fun close() {
        engine.close(CLOSE_MS)
    }

    /**
     * The same, and the server is told this code and reason by the closing handshake.
     *
     * @param code 1000, or 3000 to 4999
     * @param reason at most 123 bytes
     * @throws IllegalArgumentException a code that an application may not send, or a reason that is too long
     */
    public fun close(code: Int, reason: String? = null) {
        checkClose(code, reason)
        engine.closeWith(code, reason)
        engine.close(CLOSE_MS)
    }

    private suspend fun emit(message: Message) {
        when (message) {
            is Message.Text -> _events.emit(Event.MessageReceived(message.text))
            is Message.Binary -> _events.emit(Event.DataReceived(message.bytes))
        }
    }

    private fun toState(state: NativeState): State? = when (state.phase) {
        Phase.CONNECTING -> State.Connecting
        Phase.CONNECTED -> State.Connected(socket)
        Phase.DISCONNECTED -> State.Disconnected(state.reason, state.code)
        Phase.CLOSED -> if (state.failed) State.Disconnected(state.reason, state.code, isFinal = true) else State.Closed
        // Still whatever it was, until it is closed.
        Phase.CLOSING -> null
    }

    private inner class Teller : Told {
        override fun state(state: NativeState) {
            toState(state)?.let { _state.value = it }
        }

        override suspend fun event(event: NativeEvent) {
            val state = event.state
            when {
                event.kind == "state" && state != null -> toState(state)?.let { _events.emit(Event.StateChanged(it)) }
                event.isFailure -> _events.emit(Event.Error(ConnectionException(event.text, event.code)))
                else -> {}
            }
        }
    }

    /** The client, as OkHttp's interface has it. */
    private inner class SocketView : WebSocket {
        private val asked by lazy { okHttpRequest(url) }

        override fun request(): okhttp3.Request = asked

        // In the text of `Connected`: not the URL, which may have a secret in it.
        override fun toString(): String = "Everwire"

        override fun queueSize(): Long = stats().queuedBytes

        override fun send(text: String): Boolean = this@WebSocketClient.send(text)

        override fun send(bytes: ByteString): Boolean = this@WebSocketClient.send(bytes)

        override fun close(code: Int, reason: String?): Boolean {
            checkClose(code, reason)
            engine.closeWith(code, reason)
            disconnect()
            return true
        }

        override fun cancel() {
            engine.close(0)
        }
    }

    public companion object {
        private const val CLOSE_MS = 2_000L

        init {
            Library.prepare()
        }

        private val FUTURES by lazy { CoroutineScope(kotlinx.coroutines.Dispatchers.Default) }

        /** Settings one by one, for Java. */
        @JvmStatic
        public fun builder(url: String): ClientBuilder = ClientBuilder(url)
    }
}
