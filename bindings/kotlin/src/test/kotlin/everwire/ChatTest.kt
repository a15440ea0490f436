package everwire

import everwire.chat.ChatClient
import everwire.chat.ChatMessage
import everwire.chat.ChatMessage.MessageStatus
import everwire.chat.ChatMessage.TextMessage
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import reader.Encoding
import reader.Line
import reader.ReaderChat
import java.nio.file.Files
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** `everwire serve`, with a data folder that outlives it. */
internal class ChatServer : AutoCloseable {
    private val folder = Files.createTempDirectory("chat")
    private var process: Everwire? = start("127.0.0.1:0")
    private val address = Everwire.address(process!!.firstLine)
    val url = "ws://$address/ws"

    private fun start(listen: String) = Everwire(
        "serve", "--listen", listen, "--data", folder.toString(), "--presence-grace", "200ms", "--log", "warn", "--max-posts", "1000",
    )

    fun stop() {
        process?.close()
        process = null
    }

    fun restart() {
        stop()
        process = start(address)
    }

    override fun close() {
        stop()
        folder.toFile().deleteRecursively()
    }
}

private suspend fun <T> StateFlow<T>.until(what: String, holds: (T) -> Boolean): T =
    withTimeoutOrNull(20.seconds) { first(holds) } ?: throw AssertionError("$what, but it is $value")

private fun ChatClient.text(text: String): TextMessage? = messages.value.filterIsInstance<TextMessage>().firstOrNull { it.text == text }

private suspend fun ChatClient.hears(text: String) =
    messages.until("'$text' is heard") { lines -> lines.any { it is TextMessage && it.text == text } }

private suspend fun ChatClient.reaches(text: String, status: MessageStatus) =
    messages.until("'$text' is $status") { lines -> lines.any { it is TextMessage && it.text == text && it.status == status } }

class ChatTest {
    @Test
    fun `statuses are true, typing shows, and who missed something catches up`() = ChatServer().use { server ->
        runBlocking {
            val ana = ChatClient(server.url, "ana", "Ana")
            val ben = ChatClient(server.url, "ben", "Ben")
            assertEquals(ChatClient.ConnectionState.Disconnected, ana.connectionState.value)
            ana.sendMessage("before there is a connection")
            assertEquals(MessageStatus.SENDING, ana.text("before there is a connection")!!.status)
            ana.connect()
            ana.connectionState.until("it is connected") { it is ChatClient.ConnectionState.Connected }
            ana.reaches("before there is a connection", MessageStatus.SENT)
            ben.connect()
            ben.hears("before there is a connection")
            ana.reaches("before there is a connection", MessageStatus.DELIVERED)
            ben.markRead(ben.text("before there is a connection")!!.id)
            ana.reaches("before there is a connection", MessageStatus.READ)

            ben.sendTypingIndicator(true)
            ana.typing.until("Ben is typing") { it == mapOf("ben" to "Ben") }
            ben.sendMessage("hi")
            ana.hears("hi")
            ana.typing.until("nobody is typing") { it.isEmpty() }
            ana.users.until("Ben is here") { "ben" in it }

            ben.disconnect()
            ben.connectionState.until("it is away") { it is ChatClient.ConnectionState.Disconnected }
            ana.sendMessage("while Ben is away")
            ana.reaches("while Ben is away", MessageStatus.SENT)
            ben.connect()
            ben.hears("while Ben is away")
            for (chat in listOf(ana, ben)) {
                val texts = chat.messages.value.filterIsInstance<TextMessage>().map { it.text }
                assertEquals(listOf("before there is a connection", "hi", "while Ben is away"), texts)
                assertTrue(chat.finish(5.seconds).unsent.isEmpty())
            }
        }
    }

    @Test
    fun `what could not be sent fails, and is sent once when it is tried again`() = ChatServer().use { server ->
        runBlocking {
            val ana = ChatClient(server.url, "ana", "Ana")
            // Nothing is connected: more than the queue holds, and the oldest fail.
            repeat(52) { ana.sendMessage("message $it") }
            ana.reaches("message 1", MessageStatus.FAILED)
            ana.connect()
            ana.reaches("message 51", MessageStatus.SENT)
            ana.retrySendMessage(ana.text("message 0")!!.id)
            ana.retrySendMessage(ana.text("message 1")!!.id)
            ana.reaches("message 0", MessageStatus.SENT)
            ana.reaches("message 1", MessageStatus.SENT)
            val ben = ChatClient(server.url, "ben", "Ben")
            ben.connect()
            ben.hears("message 1")
            assertEquals(1, ben.messages.value.count { it is TextMessage && it.text == "message 1" })
            ana.finish(5.seconds)
            ben.finish(5.seconds)
            Unit
        }
    }

    @ParameterizedTest
    @EnumSource(Encoding::class)
    fun `a client as readers write it chats with ours through a restart of the server`(encoding: Encoding) = ChatServer().use { server ->
        runBlocking {
            val reader = ReaderChat("${server.url}?userId=rea&userName=rea", "rea", encoding)
            val ours = ChatClient(server.url, "ana", "Ana")
            try {
                ours.connect()
                ours.connectionState.until("ours is connected") { it is ChatClient.ConnectionState.Connected }
                reader.connect()
                ours.messages.until("the reader is seen to come") { lines -> lines.any { it is ChatMessage.UserJoined && it.userId == "rea" } }
                reader.pongs.until("its heartbeat is answered") { it > 0 }

                reader.type(true)
                ours.typing.until("it shows as typing") { "rea" in it }
                assertTrue(reader.say("hello from a reader"))
                ours.hears("hello from a reader")
                ours.sendMessage("welcome")
                reader.lines.until("it is answered") { lines -> lines.any { it is Line.Said && it.text == "welcome" } }
                ours.reaches("welcome", MessageStatus.SENT)

                server.stop()
                ours.connectionState.until("ours notices") { it !is ChatClient.ConnectionState.Connected }
                repeat(20) { ours.sendMessage("while the server is away $it") }
                reader.connected.until("the reader notices") { !it }
                server.restart()
                ours.reaches("while the server is away 19", MessageStatus.SENT)
                reader.connected.until("the reader is back") { it }
                reader.pongs.value.let { before -> reader.pongs.until("it is answered again") { it > before } }
                ours.sendMessage("after the restart")
                reader.lines.until("they talk again") { lines -> lines.any { it is Line.Said && it.text == "after the restart" } }
                reader.say("still here")
                ours.hears("still here")

                // Nothing of ours is lost: a third one reads it in the history, once each and in order.
                val third = ChatClient(server.url, "carl", "Carl")
                third.connect()
                third.hears("still here")
                val texts = third.messages.value.filterIsInstance<TextMessage>().map { it.text }
                val expected = listOf("hello from a reader", "welcome") + List(20) { "while the server is away $it" } + listOf("after the restart", "still here")
                assertEquals(expected, texts)
                third.finish(5.seconds)
            } finally {
                reader.close()
                ours.finish(500.milliseconds)
            }
        }
        Unit
    }
}
