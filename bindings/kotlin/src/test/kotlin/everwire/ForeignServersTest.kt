package everwire

import everwire.okhttp.EverwireWebSocketFactory
import everwire.okhttp.ReconnectListener
import io.ktor.server.application.install
import io.ktor.server.cio.CIO
import io.ktor.server.engine.embeddedServer
import io.ktor.server.routing.routing
import io.ktor.server.websocket.WebSockets
import io.ktor.server.websocket.webSocket
import io.ktor.websocket.Frame
import io.ktor.websocket.readText
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import okio.ByteString
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.time.Duration.Companion.seconds

private val QUICK = WebSocketClient.Config(initialReconnectDelayMs = 20, maxReconnectDelayMs = 50, proxy = "none")

/** JUnit runs no test that returns something. */
private fun soon(work: suspend () -> Unit) = runBlocking { withTimeout(20.seconds) { work() } }

/** Echoes, as OkHttp's server does. */
private object Echo : WebSocketListener() {
    override fun onMessage(webSocket: WebSocket, text: String) {
        if (text == "leave") webSocket.close(1001, "leaving") else webSocket.send(text)
    }

    override fun onMessage(webSocket: WebSocket, bytes: ByteString) {
        webSocket.send(bytes)
    }

    override fun onClosing(webSocket: WebSocket, code: Int, reason: String) {
        webSocket.close(code, reason)
    }
}

/** Servers of others: MockWebServer of OkHttp 5, and Ktor. */
class ForeignServersTest {
    @Test
    fun `MockWebServer is a server like any other, through a refusal and a close`() = MockWebServer().use { server ->
        server.enqueue(MockResponse(code = 503))
        repeat(3) { server.enqueue(MockResponse.Builder().webSocketUpgrade(Echo).build()) }
        server.start()
        soon {
            val client = WebSocketClient("ws://${server.hostName}:${server.port}/", QUICK)
            client.connect()
            assertEquals(Outcome.Kind.RECEIVED, client.deliver("one").kind)
            assertEquals(Message.Text("one"), client.messages.first())
            client.send("leave")
            client.state.first { it is WebSocketClient.State.Disconnected && it.code == 1001 }
            assertEquals(Outcome.Kind.RECEIVED, client.deliver("two").kind)
            assertEquals(Message.Text("two"), client.messages.first())
            assertEquals(Undelivered(emptyList(), emptyList()), client.finish(5.seconds))
        }
    }

    @Test
    fun `the server is told the code and the reason of a close, by the class and by its OkHttp interface`() = MockWebServer().use { server ->
        val told = Channel<Pair<Int, String>>(Channel.UNLIMITED)
        val hears = object : WebSocketListener() {
            override fun onClosing(webSocket: WebSocket, code: Int, reason: String) {
                told.trySend(code to reason)
                webSocket.close(code, reason)
            }
        }
        repeat(4) { server.enqueue(MockResponse.Builder().webSocketUpgrade(hears).build()) }
        server.start()
        val url = "ws://${server.hostName}:${server.port}/"
        soon {
            val client = WebSocketClient(url, QUICK)
            client.connect()
            val connected = client.state.first { it is WebSocketClient.State.Connected } as WebSocketClient.State.Connected
            connected.webSocket.close(4001, "away")
            assertEquals(4001 to "away", told.receive())
            client.state.first { it is WebSocketClient.State.Closed }
            client.connect()
            client.state.first { it is WebSocketClient.State.Connected }
            client.disconnect()
            assertEquals(1000 to "", told.receive())
            client.state.first { it is WebSocketClient.State.Closed }
            client.connect()
            client.state.first { it is WebSocketClient.State.Connected }
            client.close(4002, "signed out")
            assertEquals(4002 to "signed out", told.receive())

            val opened = CompletableDeferred<Unit>()
            val listener = object : WebSocketListener() {
                override fun onOpen(webSocket: WebSocket, response: Response) {
                    opened.complete(Unit)
                }
            }
            val socket = EverwireWebSocketFactory(QUICK).newWebSocket(Request.Builder().url(server.url("/")).build(), listener)
            opened.await()
            socket.close(3000, "bye")
            assertEquals(3000 to "bye", told.receive())
        }
    }

    @Test
    fun `Ktor is a server like any other`() {
        val server = embeddedServer(CIO, port = 0, host = "127.0.0.1") {
            install(WebSockets)
            routing { webSocket("/") { for (frame in incoming) if (frame is Frame.Text) send(Frame.Text(frame.readText())) } }
        }.start()
        try {
            soon {
                val port = server.engine.resolvedConnectors().first().port
                val client = WebSocketClient("ws://127.0.0.1:$port/", QUICK)
                client.connect()
                assertEquals(Outcome.Kind.RECEIVED, client.deliver("one").kind)
                assertEquals(Message.Text("one"), client.messages.first())
                client.finish(5.seconds)
            }
        } finally {
            server.stop(0, 0)
        }
    }

    @Test
    fun `code for OkHttp runs unchanged, and a lost link is replaced without a word`() = EchoServer().use { server ->
        FaultyNetwork(server.address).use { network ->
            val told = Channel<String>(Channel.UNLIMITED)
            val listener = object : ReconnectListener() {
                override fun onOpen(webSocket: WebSocket, response: Response) {
                    told.trySend("open ${response.code}")
                }

                override fun onReconnected(webSocket: WebSocket) {
                    told.trySend("again")
                }

                override fun onMessage(webSocket: WebSocket, text: String) {
                    told.trySend(text)
                }

                override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) {
                    told.trySend("failed ${t.message}")
                }

                override fun onClosed(webSocket: WebSocket, code: Int, reason: String) {
                    told.trySend("closed $code $reason")
                }
            }
            val factory: WebSocket.Factory = EverwireWebSocketFactory(QUICK)
            val socket = factory.newWebSocket(Request.Builder().url(network.url).build(), listener)
            soon {
                assertEquals("open 101", told.receive())
                assertTrue(socket.send("one"))
                assertEquals("one", told.receive())
                network.fault("cut")
                assertEquals("again", told.receive())
                assertTrue(socket.send("two"))
                assertEquals("two", told.receive())
                assertTrue(socket.close(1000, "done"))
                assertEquals("closed 1000 done", told.receive())
                assertTrue(!socket.send("late"))
            }
        }
    }

    @Test
    fun `a listener hears of an opening, a close and a refusal what OkHttp would tell it`() {
        fun heard(factory: WebSocket.Factory): List<String> = MockWebServer().use { server ->
            server.enqueue(MockResponse.Builder().webSocketUpgrade(Echo).build())
            server.enqueue(MockResponse(code = 404))
            server.start()
            val told = Channel<String>(Channel.UNLIMITED)
            val listener = object : WebSocketListener() {
                override fun onOpen(webSocket: WebSocket, response: Response) {
                    told.trySend("open ${response.code}")
                }

                override fun onMessage(webSocket: WebSocket, text: String) {
                    told.trySend("message $text")
                }

                override fun onClosing(webSocket: WebSocket, code: Int, reason: String) {
                    told.trySend("closing $code $reason")
                    webSocket.close(1000, null)
                }

                override fun onClosed(webSocket: WebSocket, code: Int, reason: String) {
                    told.trySend("closed $code $reason")
                }

                override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) {
                    told.trySend("failed ${response?.code}")
                }
            }
            val request = Request.Builder().url(server.url("/")).build()
            runBlocking {
                withTimeout(20.seconds) {
                    val socket = factory.newWebSocket(request, listener)
                    socket.send("one")
                    val first = List(2) { told.receive() }
                    socket.close(3000, "done")
                    val then = List(2) { told.receive() }
                    factory.newWebSocket(request, listener)
                    first + then + told.receive()
                }
            }
        }

        val expected = listOf("open 101", "message one", "closing 3000 done", "closed 3000 done", "failed 404")
        assertEquals(expected, heard(OkHttpClient()))
        assertEquals(expected, heard(EverwireWebSocketFactory(QUICK)))
    }

    @Test
    fun `who was refused for good hears of it as of a failure`() = MockWebServer().use { server ->
        server.enqueue(MockResponse(code = 404))
        server.start()
        val failed = CompletableDeferred<Throwable>()
        val listener = object : WebSocketListener() {
            override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) {
                failed.complete(t)
            }
        }
        val socket = EverwireWebSocketFactory(QUICK).newWebSocket(Request.Builder().url(server.url("/")).build(), listener)
        soon { assertEquals(404, (failed.await() as ConnectionException).code) }
        socket.cancel()
    }
}
