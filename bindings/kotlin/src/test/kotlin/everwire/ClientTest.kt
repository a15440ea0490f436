package everwire

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.OkHttpClient
import okio.ByteString.Companion.encodeUtf8
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.security.cert.X509Certificate
import javax.net.SocketFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.X509TrustManager
import java.nio.file.Files
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

private val QUICK = WebSocketClient.Config(initialReconnectDelayMs = 20, maxReconnectDelayMs = 50, proxy = "none")

/** JUnit runs no test that returns something. */
private fun soon(work: suspend CoroutineScope.() -> Unit) = runBlocking { withTimeout(20.seconds) { work() } }

/** What the public API promises, against `everwire echo`. */
class ClientTest {
    @Test
    fun `the note's calls work, and each message has an outcome`() = EchoServer().use { server ->
        soon {
            val client = WebSocketClient(server.url, OkHttpClient(), QUICK)
            assertEquals(WebSocketClient.State.Closed, client.state.value)
            val texts = async(start = CoroutineStart.UNDISPATCHED) {
                client.events.filterIsInstance<WebSocketClient.Event.MessageReceived>().take(3).toList().map { it.text }
            }
            // Before there is a connection both kinds wait.
            assertTrue(client.send("one"))
            client.connect()
            client.connect()
            val connected = client.state.first { it is WebSocketClient.State.Connected } as WebSocketClient.State.Connected
            assertTrue(connected.webSocket.send("two"))
            val outcome = client.deliver("three")
            assertEquals(Outcome.Kind.RECEIVED, outcome.kind)
            assertTrue(outcome.isDelivered)
            assertEquals(listOf("one", "two", "three"), texts.await())
            val bytes = async(start = CoroutineStart.UNDISPATCHED) { client.events.filterIsInstance<WebSocketClient.Event.DataReceived>().first() }
            assertTrue(client.send("bytes".encodeUtf8()))
            assertEquals("bytes".encodeUtf8(), bytes.await().bytes)

            client.disconnect()
            client.state.first { it is WebSocketClient.State.Closed }
            assertTrue(client.send("waits"), "it waits for the next connection")
            client.connect()
            assertEquals(Message.Text("waits"), client.messages.first())
            assertEquals(Undelivered(emptyList(), emptyList()), client.finish(5.seconds))
            assertFalse(client.send("late"))
            assertEquals(Outcome.Kind.CANCELLED, client.deliver("late").kind)
        }
    }

    @Test
    fun `the oldest message that waits is dropped and says so, and without a queue nothing waits`() = soon {
        WebSocketClient("ws://127.0.0.1:9/", QUICK.copy(maxQueueSize = 2)).use { client ->
            val first = async(start = CoroutineStart.UNDISPATCHED) { client.deliver("first") }
            assertTrue(client.send("second"))
            assertTrue(client.send("third"))
            assertEquals(Outcome.Kind.DROPPED_OLDEST, first.await().kind)
            assertEquals(listOf("second", "third"), client.finish(0.seconds).unsent.map { (it as Message.Text).text })
        }
        WebSocketClient("ws://127.0.0.1:9/", QUICK.copy(enableMessageQueue = false)).use { client ->
            assertFalse(client.send("a"))
            assertEquals(Outcome.Kind.DROPPED_NOT_CONNECTED, client.deliver("a").kind)
        }
    }

    @Test
    fun `a login goes first on each connection, and a refusal for good ends the client`() = EchoServer().use { server ->
        FaultyNetwork(server.address).use { network ->
            soon {
                val logins = ArrayList<Int>()
                val client = WebSocketClient(network.url, null, QUICK, onOpen = {
                    send("login")
                    assertEquals(Message.Text("login"), receive())
                    logins += attempt
                    if (logins.size == 3) throw PermanentException("the key is not valid")
                })
                client.connect()
                assertEquals(Outcome.Kind.RECEIVED, client.deliver("one").kind)
                network.fault("cut")
                assertEquals(Outcome.Kind.RECEIVED, client.deliver("two").kind)
                assertEquals(listOf(Message.Text("one"), Message.Text("two")), client.messages.take(2).toList(), "the login is not among them")
                network.fault("cut")
                val last = client.state.first { it is WebSocketClient.State.Disconnected && it.isFinal } as WebSocketClient.State.Disconnected
                assertTrue("the key is not valid" in last.reason, last.reason)
                client.close()
            }
        }
    }

    @Test
    fun `each attempt asks for its address and headers`() = EchoServer().use { server ->
        soon {
            val client = WebSocketClient("ws://127.0.0.1:9/", null, QUICK, beforeAttempt = { attempt ->
                if (attempt.number == 1) throw IllegalStateException("no token yet")
                AttemptAnswer(url = server.url, headers = mapOf("Authorization" to "Bearer ${attempt.number}"))
            })
            client.connect()
            assertEquals(Outcome.Kind.RECEIVED, client.deliver("one").kind)
            client.close()
        }
    }

    @Test
    fun `in a session nothing is lost or doubled over twenty cuts`() = EchoServer().use { server ->
        FaultyNetwork(server.address).use { network ->
            soon {
                val client = WebSocketClient(network.url, QUICK.copy(session = Session.REQUIRE, maxQueueSize = 2_000))
                client.connect()
                val received = async { client.messages.take(1_000).toList() }
                val sent = async {
                    (1..1_000).map { number ->
                        if (number % 50 == 0) network.fault("cut")
                        async(start = CoroutineStart.UNDISPATCHED) { client.deliver("message $number") }
                    }.map { it.await().kind }
                }
                assertEquals(List(1_000) { Outcome.Kind.ACKNOWLEDGED }, sent.await())
                assertEquals((1..1_000).map { Message.Text("message $it") }, received.await())
                assertTrue(client.stats().connections > 1)
                client.finish(5.seconds)
            }
        }
    }

    @Test
    fun `an outbox in a file is taken up by the next client`() = EchoServer().use { server ->
        val file = Files.createTempDirectory("outbox").resolve("outbox.db").toString()
        soon {
            val config = QUICK.copy(outboxFile = file, guarantee = Guarantee.AT_LEAST_ONCE)
            val offline = WebSocketClient(server.url, config)
            val outcome = async(start = CoroutineStart.UNDISPATCHED) { offline.deliver("kept") }
            offline.finish(100.milliseconds)
            assertEquals(Outcome.Kind.STORED, outcome.await().kind)
            val next = WebSocketClient(server.url, config)
            assertEquals(listOf(Message.Text("kept")), next.recovered.map { it.message })
            next.connect()
            assertEquals(Message.Text("kept"), next.messages.first())
            next.finish(5.seconds)
        }
    }

    @Test
    fun `every wait can be cancelled, and loses nothing`() = EchoServer().use { server ->
        soon {
            val client = WebSocketClient(server.url, QUICK)
            // Nothing comes yet: each waits, and is given up.
            repeat(50) {
                val waits = listOf(
                    launch { client.messages.collect { } },
                    launch { client.events.collect { } },
                    launch { client.state.first { it is WebSocketClient.State.Connected } },
                )
                delay(1)
                waits.forEach { it.cancelAndJoin() }
            }
            val given = async(start = CoroutineStart.UNDISPATCHED) { client.deliver("sent all the same") }
            given.cancelAndJoin()
            client.connect()
            assertEquals(Message.Text("sent all the same"), client.messages.first())
            // Collectors that are cancelled while messages come: together they have each message once, in order.
            repeat(200) { client.send("message $it") }
            val received = ArrayList<Message>()
            while (received.size < 200) {
                withTimeoutOrNull(3) { client.messages.collect { received += it } }
            }
            assertEquals(List(200) { Message.Text("message $it") }, received)
            // The end goes on when nobody waits for it any longer.
            val ending = launch(start = CoroutineStart.UNDISPATCHED) { client.finish(5.seconds) }
            ending.cancel(CancellationException("enough"))
            client.state.first { it is WebSocketClient.State.Closed }
        }
    }

    @Test
    fun `a wait for room can be cancelled, and then has sent nothing`() = EchoServer().use { server ->
        soon {
            val client = WebSocketClient(server.url, QUICK.copy(outboxMessages = 1))
            val first = async(start = CoroutineStart.UNDISPATCHED) { client.deliver("first") }
            val second = async(start = CoroutineStart.UNDISPATCHED) { client.deliver("second") }
            delay(50)
            second.cancelAndJoin()
            client.connect()
            assertEquals(Outcome.Kind.RECEIVED, first.await().kind)
            assertEquals(Outcome.Kind.RECEIVED, client.deliver("third").kind)
            assertEquals(listOf(Message.Text("first"), Message.Text("third")), client.messages.take(2).toList())
            client.finish(5.seconds)
        }
    }

    @Test
    fun `an opening that takes too long is given up, with what waits in it, and tried again`() = EchoServer().use { server ->
        soon {
            val ends = kotlinx.coroutines.channels.Channel<Throwable>(kotlinx.coroutines.channels.Channel.UNLIMITED)
            val client = WebSocketClient(server.url, null, QUICK.copy(connectionTimeoutMs = 150), onOpen = {
                // The server says nothing by itself.
                val failure = runCatching { receive() }.exceptionOrNull() ?: error("something came")
                ends.send(failure)
                throw failure
            })
            client.connect()
            repeat(2) { assertTrue(ends.receive() is ConnectionException) }
            client.close()
        }
    }

    @Test
    fun `a collector that is slow holds the server up, and loses nothing`() = EchoServer().use { server ->
        soon {
            val client = WebSocketClient(server.url, QUICK.copy(inboxMessages = 16))
            client.connect()
            val sent = launch(Dispatchers.IO) { repeat(2_000) { client.deliver("message $it") } }
            var next = 0
            client.messages.take(2_000).collect {
                assertEquals(Message.Text("message ${next++}"), it)
                if (next % 500 == 0) delay(20)
            }
            sent.join()
            client.finish(5.seconds)
        }
    }

    @Test
    fun `wrong settings are refused by name`() {
        for ((config, problem) in listOf(
            QUICK.copy(connectionTimeoutMs = 0) to "connectionTimeoutMs is 0: it must be at least 1",
            QUICK.copy(textPing = "ping") to "text_pong: needed beside text_ping",
            QUICK.copy(stopOn = listOf(7)) to "stopOn: 7 is neither",
            QUICK.copy(reconnectDelayFactor = 0.5) to "retry_factor",
        )) {
            val error = assertThrows(SettingException::class.java) { WebSocketClient("ws://127.0.0.1:9/", config) }
            assertTrue(error.message!!.startsWith(problem), error.message)
        }
        val pinned = OkHttpClient.Builder().certificatePinner(okhttp3.CertificatePinner.Builder().add("a.example", "sha256/${"A".repeat(43)}=").build())
        assertThrows(SettingException::class.java) { WebSocketClient("wss://a.example/", pinned.build()) }
    }

    @Test
    fun `an OkHttpClient whose TLS or sockets are its own is refused, since they would not be used`() {
        val all = object : X509TrustManager {
            override fun checkClientTrusted(chain: Array<X509Certificate>, authType: String) = Unit

            override fun checkServerTrusted(chain: Array<X509Certificate>, authType: String) = Unit

            override fun getAcceptedIssuers(): Array<X509Certificate> = emptyArray()
        }
        val tls = SSLContext.getInstance("TLS").apply { init(null, arrayOf(all), null) }
        val sockets = object : SocketFactory() {
            override fun createSocket(host: String, port: Int) = getDefault().createSocket(host, port)

            override fun createSocket(host: String, port: Int, local: InetAddress, localPort: Int) = createSocket(host, port)

            override fun createSocket(host: InetAddress, port: Int) = getDefault().createSocket(host, port)

            override fun createSocket(host: InetAddress, port: Int, local: InetAddress, localPort: Int) = createSocket(host, port)
        }
        for ((named, client) in listOf(
            "sslSocketFactory" to OkHttpClient.Builder().sslSocketFactory(tls.socketFactory, all),
            "hostnameVerifier" to OkHttpClient.Builder().hostnameVerifier { _, _ -> true },
            "socketFactory" to OkHttpClient.Builder().socketFactory(sockets),
        )) {
            val error = assertThrows(SettingException::class.java) { WebSocketClient("wss://a.example/", client.build()) }
            assertTrue(error.message!!.startsWith("okHttpClient: its $named"), error.message)
        }
        WebSocketClient("wss://a.example/", OkHttpClient.Builder().pingInterval(java.time.Duration.ofSeconds(20)).build()).close()
    }
}
