package everwire

import okhttp3.OkHttpClient
import okio.ByteString
import java.util.concurrent.Executor
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext

/** What a Java program is told. Each method is called by one thread at a time; while it runs, messages wait, and the server with them. */
public interface Listener {
    /** A text was received. */
    public fun onText(client: WebSocketClient, text: String) {}

    /** Bytes were received. */
    public fun onBytes(client: WebSocketClient, bytes: ByteString) {}

    /** The state changed. Also called while [onText] runs. */
    public fun onState(client: WebSocketClient, state: WebSocketClient.State) {}
}

/** Asked before each attempt, on a thread that may block. */
public fun interface BeforeAttempt {
    /** What it asks for; `null`: what was set. Throw [PermanentException] to end the client. */
    @Throws(Exception::class)
    public fun answer(attempt: Attempt): AttemptAnswer?
}

/** Has a new connection to itself, on a thread that may block. */
public fun interface OnOpen {
    /** Throw [PermanentException] to end the client; any other exception is tried again. */
    @Throws(Exception::class)
    public fun talk(connection: BlockingOpening)
}

/** [Opening], for Java: each method blocks. */
public class BlockingOpening internal constructor(private val opening: Opening) {
    /** Sends a text, and waits until it is written. */
    public fun send(text: String): Unit = runBlocking { opening.send(text) }

    /** The next message. */
    public fun receive(): Message = runBlocking { opening.receive() }
}

/** Settings of a [WebSocketClient] one by one, for Java: a [config][WebSocketClient.Config] with the usual ones by name. */
public class ClientBuilder internal constructor(private val url: String) {
    private var config = WebSocketClient.Config()
    private var okHttpClient: OkHttpClient? = null
    private var listener: Listener? = null
    private var executor: Executor? = null
    private var beforeAttempt: BeforeAttempt? = null
    private var onOpen: OnOpen? = null

    /** All settings at once; those that are set by name afterwards change it. */
    public fun config(config: WebSocketClient.Config): ClientBuilder = apply { this.config = config }

    /** See [WebSocketClient.Config.initialReconnectDelayMs] and [WebSocketClient.Config.maxReconnectDelayMs]. */
    public fun reconnectDelayMs(initial: Long, longest: Long): ClientBuilder =
        apply { config = config.copy(initialReconnectDelayMs = initial, maxReconnectDelayMs = longest) }

    /** See [WebSocketClient.Config.heartbeatIntervalMs] and [WebSocketClient.Config.heartbeatTimeoutMs]. */
    public fun heartbeatMs(interval: Long, timeout: Long): ClientBuilder =
        apply { config = config.copy(heartbeatIntervalMs = interval, heartbeatTimeoutMs = timeout) }

    /** See [WebSocketClient.Config.maxQueueSize]. */
    public fun maxQueueSize(messages: Int): ClientBuilder = apply { config = config.copy(maxQueueSize = messages) }

    /** See [WebSocketClient.Config.session]. */
    public fun session(session: Session): ClientBuilder = apply { config = config.copy(session = session) }

    /** See [WebSocketClient.Config.guarantee]. */
    public fun guarantee(guarantee: Guarantee): ClientBuilder = apply { config = config.copy(guarantee = guarantee) }

    /** See [WebSocketClient.Config.outboxFile]. */
    public fun outboxFile(path: String): ClientBuilder = apply { config = config.copy(outboxFile = path) }

    /** A further header of the opening request. */
    public fun header(name: String, value: String): ClientBuilder = apply { config = config.copy(headers = config.headers + (name to value)) }

    /** A further subprotocol to offer. */
    public fun subprotocol(name: String): ClientBuilder = apply { config = config.copy(subprotocols = config.subprotocols + name) }

    /** See the parameter of [WebSocketClient]. */
    public fun okHttpClient(client: OkHttpClient): ClientBuilder = apply { okHttpClient = client }

    /** Who is told; without one nobody is, and messages wait for whoever collects them. */
    public fun listener(listener: Listener): ClientBuilder = apply { this.listener = listener }

    /** Where the listener and the hooks run. Default: threads of the coroutines' own, which may block for a while. */
    public fun executor(executor: Executor): ClientBuilder = apply { this.executor = executor }

    /** Asked before each attempt. */
    public fun beforeAttempt(hook: BeforeAttempt): ClientBuilder = apply { beforeAttempt = hook }

    /** Has each new connection to itself. */
    public fun onOpen(hook: OnOpen): ClientBuilder = apply { onOpen = hook }

    /**
     * Makes the client; [WebSocketClient.connect] starts it.
     *
     * @throws SettingException a setting is wrong
     */
    public fun build(): WebSocketClient {
        val threads = executor?.asCoroutineDispatcher() ?: kotlinx.coroutines.Dispatchers.IO
        val client = WebSocketClient(
            url,
            okHttpClient,
            config,
            beforeAttempt?.let { hook -> { attempt -> withContext(threads) { hook.answer(attempt) } } },
            onOpen?.let { hook -> openingBy(hook, threads) },
        )
        listener?.let { tell(client, it, threads) }
        return client
    }

    private fun openingBy(hook: OnOpen, threads: kotlinx.coroutines.CoroutineDispatcher): suspend Opening.() -> Unit = {
        val opening = this
        withContext(threads) { hook.talk(BlockingOpening(opening)) }
    }

    private fun tell(client: WebSocketClient, listener: Listener, threads: kotlinx.coroutines.CoroutineDispatcher) {
        client.scope.launch(threads) {
            client.messages.collect {
                when (it) {
                    is Message.Text -> listener.onText(client, it.text)
                    is Message.Binary -> listener.onBytes(client, it.bytes)
                }
            }
        }
        client.scope.launch(threads, CoroutineStart.UNDISPATCHED) {
            client.state.collect { listener.onState(client, it) }
        }
    }
}
