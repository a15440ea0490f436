package everwire

import everwire.chat.ChatClient
import everwire.chat.ChatMessage
import everwire.okhttp.EverwireWebSocketFactory
import io.ktor.server.application.install
import io.ktor.server.cio.CIO
import io.ktor.server.engine.embeddedServer
import io.ktor.server.routing.routing
import io.ktor.server.websocket.WebSockets
import io.ktor.server.websocket.webSocket
import io.ktor.websocket.Frame
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import okhttp3.Request
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import kotlin.time.Duration.Companion.seconds

/** The examples of the documents, as programs: `ExamplesTest` runs each, and checks that the documents show what is here. */
internal object Examples {
    suspend fun firstSteps(url: String): String {
        // [first-steps]
        val client = WebSocketClient(url)
        client.connect()                                  // in the background; it stays connected until close
        val outcome = client.deliver("hello")             // a pong proves the arrival, or the outcome says what happened
        println(outcome.text)
        val answer = client.messages.first()              // in order, with back-pressure
        val undelivered = client.finish(within = 5.seconds) // sends what waits; returns what could not be delivered
        // [end]
        return "$answer ${undelivered.unsent.size}"
    }

    suspend fun login(url: String): Outcome {
        // [login]
        val client = WebSocketClient(
            url,
            onOpen = {
                send("""{"op":"login","key":"secret"}""")
                if ("denied" in receive().toString()) throw PermanentException("the key is not valid")
                send("""{"op":"subscribe","to":"prices"}""")
            },
        )
        // [end]
        client.connect()
        return client.deliver("after the login").also { client.finish(5.seconds) }
    }

    suspend fun session(url: String, outbox: String): Outcome {
        // [session]
        val config = WebSocketClient.Config(session = Session.REQUIRE, outboxFile = outbox)
        val client = WebSocketClient(url, config)
        client.connect()
        val outcome = client.deliver("order 7")
        check(outcome.kind == Outcome.Kind.ACKNOWLEDGED)  // processed by the server's application, once
        // [end]
        client.finish(5.seconds)
        return outcome
    }

    fun okHttp(url: String, listener: WebSocketListener): WebSocket {
        // [okhttp]
        val factory: WebSocket.Factory = EverwireWebSocketFactory()   // was: OkHttpClient()
        val socket = factory.newWebSocket(Request.Builder().url(url).build(), listener)
        // [end]
        return socket
    }

    suspend fun chat(url: String): String {
        // [chat]
        val chat = ChatClient(url, userId = "ana", userName = "Ana")
        chat.connect()
        chat.sendMessage("hi")                            // shows at once as SENDING, and goes out as soon as it can
        val sent = chat.messages
            .map { lines -> lines.filterIsInstance<ChatMessage.TextMessage>().lastOrNull() }
            .first { it?.status == ChatMessage.MessageStatus.SENT }
        // [end]
        chat.finish(5.seconds)
        return sent!!.text
    }

    suspend fun ktor(): String {
        // [ktor]
        // No engine of Ktor's is needed on the client's side: this is the whole client.
        val server = embeddedServer(CIO, host = "127.0.0.1", port = 0) {
            install(WebSockets)
            routing { webSocket("/feed") { for (frame in incoming) send(frame.copy()) } }
        }.start()
        val client = WebSocketClient("ws://127.0.0.1:${server.engine.resolvedConnectors().first().port}/feed")
        client.connect()
        client.send("from Everwire")
        val text = client.messages.filterIsInstance<Message.Text>().first().text
        // [end]
        client.finish(5.seconds)
        server.stop(0, 0)
        return text
    }
}

private fun Frame.copy(): Frame = Frame.byType(fin, frameType, data, rsv1, rsv2, rsv3)
