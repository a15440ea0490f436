package reader

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import kotlin.random.Random

/** The messages, as somebody writes them who has read about such a chat. */
@Serializable
sealed class Line {
    abstract val id: String

    @Serializable
    @SerialName("text")
    data class Said(override val id: String, val userId: String, val userName: String, val text: String, val timestamp: Long) : Line()

    @Serializable
    @SerialName("typing")
    data class Typing(override val id: String, val userId: String, val userName: String, val isTyping: Boolean, val timestamp: Long) : Line()

    @Serializable
    @SerialName("user_joined")
    data class Joined(override val id: String, val userId: String, val userName: String, val timestamp: Long) : Line()

    @Serializable
    @SerialName("user_left")
    data class Left(override val id: String, val userId: String, val userName: String, val timestamp: Long) : Line()
}

/** How a message becomes JSON. */
enum class Encoding {
    /** By the sealed base: with `type`. */
    BASE,

    /** By its own class: without `type`. */
    CONCRETE,
}

/**
 * A chat client as many are written: bare OkHttp, a heartbeat that is a text, ids of user, millisecond and a number up to 999, and a
 * reconnection that forgets what was on its way. It knows nothing of Everwire.
 */
class ReaderChat(private val url: String, private val user: String, private val encoding: Encoding, heartbeatMs: Long = 100) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO)
    private val http = OkHttpClient()
    private val json = Json { ignoreUnknownKeys = true; classDiscriminator = "type" }
    private val heard = MutableStateFlow<List<Line>>(emptyList())
    val lines: StateFlow<List<Line>> = heard
    val pongs = MutableStateFlow(0)
    val connected = MutableStateFlow(false)

    @Volatile private var socket: WebSocket? = null

    @Volatile private var ended = false

    init {
        scope.launch {
            while (true) {
                delay(heartbeatMs)
                if (connected.value) socket?.send("ping")
            }
        }
    }

    fun connect() {
        socket = http.newWebSocket(Request.Builder().url(url).build(), object : WebSocketListener() {
            override fun onOpen(webSocket: WebSocket, response: Response) {
                connected.value = true
                send(Line.Joined(newId(), user, user, System.currentTimeMillis()))
            }

            override fun onMessage(webSocket: WebSocket, text: String) {
                if (text == "pong") return pongs.update { it + 1 }
                val line = runCatching { json.decodeFromString<Line>(text) }.getOrNull() ?: return
                heard.update { it + line }
            }

            override fun onClosing(webSocket: WebSocket, code: Int, reason: String) {
                webSocket.close(1000, null)
                again()
            }

            override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) = again()
        })
    }

    fun say(text: String) = send(Line.Said(newId(), user, user, text, System.currentTimeMillis()))

    fun type(isTyping: Boolean) = send(Line.Typing(newId(), user, user, isTyping, System.currentTimeMillis()))

    private fun send(line: Line): Boolean {
        val text = when (encoding) {
            Encoding.BASE -> json.encodeToString(Line.serializer(), line)
            Encoding.CONCRETE -> when (line) {
                is Line.Said -> json.encodeToString(line)
                is Line.Typing -> json.encodeToString(line)
                is Line.Joined -> json.encodeToString(line)
                is Line.Left -> json.encodeToString(line)
            }
        }
        return socket?.send(text) ?: false
    }

    private fun again() {
        connected.value = false
        scope.launch {
            delay(50)
            if (!ended) connect()
        }
    }

    private fun newId() = "${user}_${System.currentTimeMillis()}_${Random.nextInt(1000)}"

    fun close() {
        ended = true
        socket?.close(1000, null)
        scope.cancel()
        http.dispatcher.executorService.shutdown()
        http.connectionPool.evictAll()
    }
}
