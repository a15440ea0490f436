package everwire

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.nio.file.Files
import kotlin.time.Duration.Companion.seconds

class ExamplesTest {
    @Test
    fun `each example runs`() = EchoServer().use { server ->
        runBlocking {
            withTimeout(60.seconds) {
                assertEquals("Text(text=hello) 0", Examples.firstSteps(server.url))
                assertEquals(Outcome.Kind.RECEIVED, Examples.login(server.url).kind)
                val outbox = Files.createTempDirectory("outbox").resolve("outbox.db").toString()
                assertEquals(Outcome.Kind.ACKNOWLEDGED, Examples.session(server.url, outbox).kind)
                assertEquals("from Everwire", Examples.ktor())
                val heard = CompletableDeferred<String>()
                val socket = Examples.okHttp(server.url, object : WebSocketListener() {
                    override fun onMessage(webSocket: WebSocket, text: String) {
                        heard.complete(text)
                    }
                })
                socket.send("as ever")
                assertEquals("as ever", heard.await())
                socket.close(1000, null)
                ChatServer().use { chat -> assertEquals("hi", Examples.chat(chat.url)) }
            }
        }
        Unit
    }

    @Test
    fun `the documents show the examples as they are`() {
        val source = File("src/test/kotlin/everwire/Examples.kt").readText()
        val shown = Regex("""// \[([a-z-]+)]\n(.*?)\n *// \[end]""", RegexOption.DOT_MATCHES_ALL).findAll(source)
        val examples = shown.associate { it.groupValues[1] to it.groupValues[2].trimIndent() }
        assertEquals(6, examples.size)
        val documents = listOf("README.md", "docs/migrating.md").map { File(it).readText() }
        for ((name, example) in examples) {
            assertTrue(documents.any { "```kotlin\n$example\n```" in it }, "no document shows [$name] as it is:\n$example")
        }
    }
}
