package everwire

import everwire.internal.Phase
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import org.tomlj.Toml
import org.tomlj.TomlArray
import org.tomlj.TomlTable
import java.io.File
import java.nio.file.Files

/** The scripts of `bindings/conformance`, run by the engine that is under every class of this library. */
class ConformanceTest {
    @TestFactory
    fun `the client does what every script says`(): List<DynamicTest> {
        val files = File("../conformance").listFiles { file -> file.extension == "toml" }.orEmpty().sorted()
        assert(files.size > 10) { "the scripts are there" }
        return files.map { file -> dynamicTest(file.nameWithoutExtension) { Play(Toml.parse(file.toPath())).use { it.run() } } }
    }
}

private const val LIMIT_MS = 20_000L

private class Play(private val script: TomlTable) : AutoCloseable {
    private val server = EchoServer(script.getLong("server.close_with")?.toInt())
    private val network = FaultyNetwork(server.address, script.getString("schedule"))
    private val folder = Files.createTempDirectory("conformance")
    private var settings = mapOf("urls" to listOf(network.url), "proxy" to "none").with(script.getTable("settings"))
    private var program = Program(settings)

    fun run() = runBlocking {
        val steps = script.getArray("step")!!
        for (index in 0 until steps.size()) {
            val step = steps.getTable(index)
            try {
                step(step)
            } catch (failure: Throwable) {
                throw AssertionError("step ${index + 1}, ${step.toJson()}: ${failure.message}", failure)
            }
        }
    }

    private suspend fun step(step: TomlTable) {
        val text = step.getString("text").orEmpty()
        val count = step.getLong("count")?.toInt()
        when (step.getString("do")) {
            "send" -> program.send(text, count ?: 1, step.getString("refused"))
            "receive" -> program.receive(texts(text, count ?: 1))
            "outcomes" -> program.outcomes(text, step.getTable("expect")!!.toMap().mapValues { (it.value as Long).toInt() })
            "state" -> program.state(step)
            "event" -> program.event(step.getString("kind")!!)
            "connections" -> assertEquals(count!!.toLong(), program.engine.stats().connections)
            "fault" -> network.fault(step.getString("control")!!)
            "server" -> if (step.getBoolean("run")!!) server.restart(step.getLong("close_with")?.toInt()) else server.stop()
            "connect" -> program.engine.connect()
            "disconnect" -> program.engine.disconnect()
            "reconnect_now" -> program.engine.reconnectNow()
            "hint" -> program.engine.hint(Hint.valueOf(step.getString("hint")!!.uppercase()))
            "finish" -> {
                val left = withTimeout(LIMIT_MS) { program.engine.finish(step.getLong("within_ms")!!) }
                val expected = (step.getLong("unsent") ?: 0L) to (step.getLong("unacknowledged") ?: 0L)
                assertEquals(expected, left.unsent.size.toLong() to left.unacknowledged.size.toLong())
            }
            "start" -> {
                settings = settings.with(step.getTable("settings"))
                program = Program(settings)
            }
            else -> error("there is no such step")
        }
    }

    private fun Map<String, Any?>.with(table: TomlTable?): Map<String, Any?> = this + table?.toMap().orEmpty().mapValues { (_, value) ->
        when (value) {
            is String -> value.replace("\$FILE", folder.resolve("outbox.db").toString())
            is TomlArray -> value.toList()
            else -> value
        }
    }

    override fun close() {
        program.engine.close(0)
        network.close()
        server.close()
        folder.toFile().deleteRecursively()
    }
}

private fun texts(text: String, count: Int): List<String> = if (count == 1) listOf(text) else (1..count).map { "$text $it" }

private class Program(settings: Map<String, Any?>) : Told {
    private val states = MutableStateFlow<everwire.internal.State?>(null)
    private val kinds = Channel<String>(Channel.UNLIMITED)
    private val received = Channel<Message>(Channel.UNLIMITED)
    private val waiting = HashMap<String, MutableList<CompletableDeferred<Outcome>>>()
    // It connects when who waits for the recovered messages is known.
    val engine = Engine(settings + ("connect_on_start" to false), Asks(null, null), null, this)
    private val scope = CoroutineScope(Dispatchers.Default)

    init {
        scope.launch { engine.read(takenBefore = true) { received.send(it) } }
        for (message in engine.recovered) {
            val label = (message.message as Message.Text).text.substringBeforeLast(' ')
            waiting.getOrPut(label) { ArrayList() } += engine.outcomeOf(message.id)
        }
        if (settings["connect_on_start"] != false) engine.connect()
    }

    override fun state(state: everwire.internal.State) {
        states.value = state
    }

    override suspend fun event(event: everwire.internal.Event) {
        kinds.send(event.kind)
    }

    fun send(text: String, count: Int, refused: String?) {
        for (message in texts(text, count)) {
            val waiter = CompletableDeferred<Outcome>()
            val accepted = engine.offer(message.toPayload(), waiter)
            assertEquals(refused == null, accepted, "whether it was accepted")
            if (accepted) waiting.getOrPut(text) { ArrayList() } += waiter
        }
    }

    suspend fun receive(texts: List<String>) {
        for (text in texts) assertEquals(Message.Text(text), withTimeout(LIMIT_MS) { received.receive() })
    }

    suspend fun outcomes(text: String, expected: Map<String, Int>) {
        val outcomes = withTimeout(LIMIT_MS) { waiting[text].orEmpty().map { it.await() } }
        assertEquals(expected, outcomes.groupingBy { it.kind.name.lowercase() }.eachCount())
    }

    suspend fun state(step: TomlTable) {
        val phase = Phase.valueOf(step.getString("phase")!!.uppercase())
        val limit = step.getLong("within_ms") ?: LIMIT_MS
        val reached = kotlinx.coroutines.withTimeoutOrNull(limit) {
            states.first { state ->
                state != null && state.phase == phase &&
                    (step.getLong("code") == null || state.code?.toLong() == step.getLong("code")) &&
                    (step.getBoolean("ended") == null || state.ended == step.getBoolean("ended")) &&
                    (step.getBoolean("failed") == null || state.failed == step.getBoolean("failed"))
            }
        }
        check(reached != null) { "the state is ${states.value}" }
    }

    suspend fun event(kind: String) = withTimeout(LIMIT_MS) { while (kinds.receive() != kind) Unit }
}
