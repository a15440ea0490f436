package everwire.chat

import everwire.AttemptAnswer
import everwire.Guarantee
import everwire.Hint
import everwire.Message
import everwire.Outcome
import everwire.Undelivered
import everwire.WebSocketClient
import everwire.WebSocketClient.State
import everwire.chat.ChatMessage.MessageStatus
import everwire.chat.ChatMessage.TextMessage
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import okhttp3.OkHttpClient
import java.net.URLEncoder
import kotlin.time.Duration

/**
 * A chat on `everwire serve`: what is said, in order and once, with statuses that are true.
 *
 * A message is [SENT][MessageStatus.SENT] when the server has stored it, [DELIVERED][MessageStatus.DELIVERED] when another user's client
 * has it, [READ][MessageStatus.READ] when it was shown there. Over a lost connection nothing is lost or shown twice: what was missed
 * follows, and what was not proven stored is sent again with its id.
 *
 * ```kotlin
 * val chat = ChatClient("ws://127.0.0.1:8080/ws", userId = "ana", userName = "Ana")
 * chat.connect()
 * chat.sendMessage("hi")
 * chat.messages.collect { lines -> show(lines) }
 * ```
 *
 * @param webSocketUrl the server's `/ws`, with `?room=NAME` for another room than the lobby
 * @param userId who this is, the same every time
 * @param userName the name for people
 * @param okHttpClient see [WebSocketClient]
 * @param maxMessages lines that are kept; older ones leave the list and can be [loaded][loadEarlier] again. Default 2,000
 * @param outboxFile where messages wait that could not be sent, so that they outlive the process. Default: in memory
 * @param token asked before each attempt for a token, on servers that want one
 */
public class ChatClient @JvmOverloads constructor(
    private val webSocketUrl: String,
    private val userId: String,
    private val userName: String,
    okHttpClient: OkHttpClient? = null,
    maxMessages: Int = 2_000,
    outboxFile: String? = null,
    private val token: (suspend () -> String)? = null,
) : AutoCloseable {
    /** The connection, for people. */
    public sealed class ConnectionState {
        /** There is one. */
        public object Connected : ConnectionState()

        /** One is being made. */
        public object Connecting : ConnectionState()

        /** Nothing runs. */
        public object Disconnected : ConnectionState()

        /** There is none, and why. The client goes on trying, unless [isFinal]. */
        public data class Error @JvmOverloads constructor(val message: String, val isFinal: Boolean = false) : ConnectionState()
    }

    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val lock = Any()
    private val timeline = Timeline(maxMessages)
    private var epoch = ""
    private var seen = 0L
    private var readUpTo = 0L
    private val typingEnds = HashMap<String, Job>()

    private val client = WebSocketClient(
        withQuery(webSocketUrl, ""),
        okHttpClient,
        WebSocketClient.Config(
            maxQueueSize = QUEUE,
            guarantee = Guarantee.AT_LEAST_ONCE,
            reconnectOnNormalClose = true,
            outboxFile = outboxFile,
        ),
        beforeAttempt = { attempt() },
    )

    private val _messages = MutableStateFlow<List<ChatMessage>>(emptyList())

    /** What was said, oldest first, and who came and left; each line once. */
    public val messages: StateFlow<List<ChatMessage>> = _messages.asStateFlow()

    private val _connectionState = MutableStateFlow<ConnectionState>(ConnectionState.Disconnected)

    /** The connection; the latest value is kept. */
    public val connectionState: StateFlow<ConnectionState> = _connectionState.asStateFlow()

    private val _typing = MutableStateFlow<Map<String, String>>(emptyMap())

    /** Who is writing now: names by user ids. A signal counts for 6 s. */
    public val typing: StateFlow<Map<String, String>> = _typing.asStateFlow()

    private val _users = MutableStateFlow<Map<String, String>>(emptyMap())

    /** Who is here: names by user ids, this user not among them. */
    public val users: StateFlow<Map<String, String>> = _users.asStateFlow()

    private val _hasEarlier = MutableStateFlow(false)

    /** Whether there are older messages than those in [messages], for [loadEarlier]. */
    public val hasEarlier: StateFlow<Boolean> = _hasEarlier.asStateFlow()

    init {
        for (message in client.recovered) {
            val text = (message.message as? Message.Text)?.let { parse(it.text) }?.filterIsInstance<Frame.Chat>()
            text.orEmpty().forEach { change { add((it.message as? TextMessage)?.copy(status = MessageStatus.SENDING) ?: it.message) } }
        }
        scope.launch { client.state.collect { _connectionState.value = toConnectionState(it) } }
        scope.launch { client.messages.collect { if (it is Message.Text) hear(it.text) } }
    }

    /** Connects, in the background. */
    public fun connect(): Unit = client.connect()

    /** Leaves; what waits to be sent waits on. */
    public fun disconnect(): Unit = client.disconnect()

    /** Passes on what the platform knows: the network has changed, the device woke. */
    public fun hint(hint: Hint): Unit = client.hint(hint)

    /** Sends a message: it shows at once as [SENDING][MessageStatus.SENDING], and goes out as soon as it can. */
    public fun sendMessage(text: String) {
        val message = TextMessage(newId(), userId, userName, text, System.currentTimeMillis(), MessageStatus.SENDING)
        change { add(message) }
        post(message)
    }

    /** Sends a message again that has [FAILED][MessageStatus.FAILED], with its id: the server stores it once. */
    public fun retrySendMessage(messageId: String) {
        val message = synchronized(lock) { timeline.text(messageId) } ?: return
        if (change { status(messageId, MessageStatus.SENDING) }) post(message)
    }

    /** Tells the others whether this user is writing. Worth something only now: without a connection it is dropped. */
    public fun sendTypingIndicator(isTyping: Boolean) {
        val signal = ChatMessage.TypingIndicator(newId(), userId, userName, isTyping, System.currentTimeMillis())
        client.sendVolatile(chatJson.encodeToString(ChatMessage.serializer(), signal))
    }

    /** The user has seen everything up to this message: whoever wrote it hears so. */
    public fun markRead(messageId: String) {
        val offset = synchronized(lock) {
            val offset = timeline.text(messageId)?.offset ?: return
            if (offset <= readUpTo) return
            readUpTo = offset
            offset
        }
        client.send(receipt(seen.coerceAtLeast(offset), offset))
    }

    /** Asks for older messages, which then stand in [messages]. */
    @JvmOverloads
    public fun loadEarlier(limit: Int = 50) {
        val oldest = synchronized(lock) { timeline.oldest() } ?: return
        client.send("""{"type":"earlier","before":$oldest,"limit":$limit}""")
    }

    /** Ends the client in order, and waits for that at most so long. Returns what could not be sent. */
    @JvmSynthetic
    public suspend fun finish(within: Duration): Undelivered = client.finish(within).also { scope.cancel() }

    /** Ends the client in the background. */
    override fun close() {
        client.close()
        scope.cancel()
    }

    private fun post(message: TextMessage) {
        val text = chatJson.encodeToString(ChatMessage.serializer(), message.copy(status = MessageStatus.SENT, offset = null))
        // It is in the outbox before this returns, so that the order is that of the calls.
        scope.launch(start = CoroutineStart.UNDISPATCHED) { settle(message.id, client.deliver(text)) }
    }

    private fun settle(id: String, outcome: Outcome) {
        when {
            // The server answers pings only when it has stored what came before.
            outcome.isDelivered -> change { place(id, null) }
            outcome.kind == Outcome.Kind.STORED -> {}
            else -> change { status(id, MessageStatus.FAILED) }
        }
    }

    private suspend fun attempt(): AttemptAnswer {
        val after = synchronized(lock) { if (epoch.isEmpty()) "" else "$epoch:$seen" }
        val headers = token?.let { mapOf("Authorization" to "Bearer ${it()}") }.orEmpty()
        return AttemptAnswer(withQuery(webSocketUrl, after), headers)
    }

    private fun withQuery(url: String, after: String): String {
        val query = listOf("userId" to userId, "userName" to userName, "after" to after)
        val words = query.joinToString("&") { (name, value) -> "$name=${URLEncoder.encode(value, Charsets.UTF_8).replace("+", "%20")}" }
        return url + (if ('?' in url) '&' else '?') + words
    }

    private fun hear(text: String) {
        val frames = parse(text)
        var news = false
        var delivered = 0L
        synchronized(lock) {
            for (frame in frames) {
                news = hear(frame) || news
                val offset = ((frame as? Frame.Chat)?.message as? TextMessage)?.offset ?: continue
                seen = seen.coerceAtLeast(offset)
                delivered = seen
            }
            if (news) _messages.value = timeline.snapshot()
        }
        if (delivered > 0) client.send(receipt(delivered, readUpTo))
    }

    /** Under the lock. Whether a line has changed. */
    private fun hear(frame: Frame): Boolean = when (frame) {
        is Frame.Chat -> when (val message = frame.message) {
            is ChatMessage.TypingIndicator -> false.also { type(message) }
            is ChatMessage.UserJoined -> timeline.add(message).also { _users.update { it + (message.userId to message.userName) } }
            is ChatMessage.UserLeft -> timeline.add(message).also { stopTyping(message.userId); _users.update { it - message.userId } }
            is TextMessage -> timeline.add(message).also { stopTyping(message.userId) }
        }
        is Frame.Sync -> {
            if (frame.epoch != epoch) {
                epoch = frame.epoch
                seen = 0
            }
            if (frame.earlier) _hasEarlier.value = true
            _users.value = frame.users.filter { it.userId != userId }.associate { it.userId to it.userName }
            false
        }
        is Frame.Stored -> timeline.place(frame.id, frame.offset)
        is Frame.Rejected -> timeline.status(frame.id, MessageStatus.FAILED)
        is Frame.Status -> timeline.status(frame.id, frame.status)
        is Frame.Receipt -> timeline.receipt(userId, frame.delivered, frame.read)
        is Frame.History -> {
            _hasEarlier.value = frame.more
            frame.messages.fold(false) { changed, message -> timeline.add(message) || changed }
        }
    }

    private fun type(signal: ChatMessage.TypingIndicator) {
        if (signal.userId == userId) return
        if (!signal.isTyping) return stopTyping(signal.userId)
        typingEnds.remove(signal.userId)?.cancel()
        _typing.update { it + (signal.userId to signal.userName) }
        typingEnds[signal.userId] = scope.launch {
            delay(TYPING_MS)
            synchronized(lock) { stopTyping(signal.userId) }
        }
    }

    private fun stopTyping(user: String) {
        typingEnds.remove(user)?.cancel()
        _typing.update { it - user }
    }

    private fun change(act: Timeline.() -> Boolean): Boolean = synchronized(lock) {
        timeline.act().also { if (it) _messages.value = timeline.snapshot() }
    }

    private fun receipt(delivered: Long, read: Long) = """{"type":"receipt","delivered":$delivered,"read":$read}"""

    private fun toConnectionState(state: State): ConnectionState = when (state) {
        is State.Connected -> ConnectionState.Connected
        is State.Connecting -> ConnectionState.Connecting
        is State.Closed -> ConnectionState.Disconnected
        is State.Disconnected -> ConnectionState.Error(state.reason, state.isFinal)
    }

    private companion object {
        const val QUEUE = 50
        const val TYPING_MS = 6_000L
    }
}
