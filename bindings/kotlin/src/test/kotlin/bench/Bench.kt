package bench

import everwire.EchoServer
import everwire.FaultyNetwork
import everwire.Message
import everwire.Outcome
import everwire.Session
import everwire.WebSocketClient
import everwire.packClasses
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.websocket.WebSockets
import io.ktor.client.plugins.websocket.webSocket
import io.ktor.websocket.Frame
import io.ktor.websocket.readText
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import java.io.File
import java.nio.file.Files
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

private val SIZE = "x".repeat(128)
private val MESSAGES = Integer.getInteger("bench.messages", 200_000)
private val TRIPS = Integer.getInteger("bench.trips", 5_000)
private val ROUNDS = Integer.getInteger("bench.rounds", 5)

/**
 * Kotlin's client beside OkHttp 5 and Ktor 3, in one run: `cargo xtask bench kotlin`. Each figure is the median of the rounds.
 * Arguments name the parts to run; without any, all run.
 */
fun main(args: Array<String>) {
    val parts = mapOf("one-way" to ::oneWay, "round-trip" to ::roundTrip, "cuts" to ::cuts, "cold-load" to ::coldLoad)
    (args.asList() - parts.keys).firstOrNull()?.let {
        System.err.println("there is no part '$it'; there are: ${parts.keys.joinToString()}")
        kotlin.system.exitProcess(2)
    }
    parts.filterKeys { args.isEmpty() || it in args }.values.forEach { it() }
    kotlin.system.exitProcess(0)
}

private fun oneWay() {
    println("messages of 128 B one way: $MESSAGES in each of $ROUNDS rounds, the contenders in turn")
    Server("bench.SinkKt").use { sink ->
        val contenders = listOf<Pair<String, suspend (String) -> Unit>>(
            "OkHttp, send (knows no outcome)" to ::okHttpOneWay,
            "Ktor, send (knows no outcome)" to ::ktorOneWay,
            "Everwire, send, every outcome known" to ::everwireOneWay,
            "Everwire, sendAll by 256, every outcome known" to ::everwireBatches,
        )
        table(contenders) { work -> MESSAGES / measureTime { runBlocking { work("${sink.url}$MESSAGES") } }.inWholeMicroseconds.toDouble() * 1e6 }
            .print("a second")
    }
}

private fun roundTrip() {
    println("round trip of 128 B over `everwire echo`, one after the other: median of $TRIPS in each round")
    EchoServer().use { echo ->
        val contenders = listOf<Pair<String, suspend (String) -> Double>>("OkHttp" to ::okHttpTrips, "Ktor" to ::ktorTrips, "Everwire" to ::everwireTrips)
        table(contenders) { work -> runBlocking { work(echo.url) } }.print("µs")
    }
}

private fun cuts() {
    println("lost of 1,000 over 20 cuts")
    EchoServer().use { echo ->
        val (lost, doubled) = lost(echo)
        println("  %-48s %,12d (doubled: %d)".format("Everwire, in a session", lost, doubled))
    }
}

/** From jars, as programs have them: what is in folders can't be in an archive of classes, and needs no unpacking. */
private fun coldLoad() {
    println("cold load: from the beginning of main until the client is made, in a JVM of its own")
    val folder = Files.createTempDirectory("everwire-bench").toFile()
    try {
        val main = File(folder, "bench.jar").also { jar -> packClasses(File("target/test-classes"), jar) { it.startsWith("bench/") } }
        val jar = File("target").listFiles { file -> file.name.startsWith("everwire-kotlin-") && file.extension == "jar" }.orEmpty().single()
        val libraries = System.getProperty("java.class.path").split(File.pathSeparator).filter { it.endsWith(".jar") }
        val path = (listOf(main.path, jar.path) + libraries).joinToString(File.pathSeparator)
        fun measure(vararg args: String, options: List<String> = emptyList(), cache: File = File(folder, "cache")) =
            Server("bench.ColdKt", *args, options = options, path = path, cache = cache).use { server ->
                val (time, waited) = server.firstLine.split(' ').map { it.toDouble() / 1e3 }
                time to time - waited
            }

        val archive = listOf("-XX:SharedArchiveFile=${File(folder, "everwire.jsa")}")
        Server("bench.ColdKt", "warm", options = listOf("-XX:ArchiveClassesAtExit=${File(folder, "everwire.jsa")}"), path = path).use { it.awaitEnd() }
        var fresh = 0
        val contenders = listOf<Pair<String, () -> Pair<Double, Double>>>(
            "OkHttp, its first WebSocket under way" to { measure("okhttp") },
            "coroutines alone: a flow, a channel, two threads" to { measure("coroutines") },
            "Everwire, the first start of this user's" to { measure(cache = File(folder, "cache-${fresh++}")) },
            "Everwire" to { measure() },
            "Everwire, in a program that uses coroutines" to { measure("warm") },
            "Everwire, with an archive of classes" to { measure(options = archive) },
        )
        val running = contenders.associate { it.first to ArrayList<Double>() }
        table(contenders.map { (name, run) -> name to { run().let { (time, ran) -> running.getValue(name) += ran; time } } }) { it() }
            .forEach { (name, time) -> println("  %-48s %,12.0f ms, %,.0f of it not waiting for a processor".format(name, time, median(running.getValue(name)))) }
        println("the jar: %,d bytes".format(jar.length()))
    } finally {
        folder.deleteRecursively()
    }
}

private fun List<Pair<String, Double>>.print(unit: String) = forEach { (name, figure) -> println("  %-48s %,12.0f %s".format(name, figure, unit)) }

/** All contenders in each round, so that what the machine does meanwhile hits all of them. */
private fun <T> table(contenders: List<Pair<String, T>>, measure: (T) -> Double): List<Pair<String, Double>> {
    val figures = contenders.map { it.first to ArrayList<Double>() }
    // One round more, to be warm.
    repeat(ROUNDS + 1) { round ->
        contenders.forEachIndexed { index, (_, work) -> measure(work).let { if (round > 0) figures[index].second += it } }
    }
    return figures.map { (name, values) -> name to median(values) }
}

private fun median(values: List<Double>) = values.sorted()[values.size / 2]

private class Heard : WebSocketListener() {
    val opened = CompletableDeferred<Unit>()
    val messages = Channel<String>(Channel.UNLIMITED)

    override fun onOpen(webSocket: WebSocket, response: Response) {
        opened.complete(Unit)
    }

    override fun onMessage(webSocket: WebSocket, text: String) {
        messages.trySend(text)
    }
}

private suspend fun okHttp(url: String, work: suspend (WebSocket, Heard) -> Unit) {
    val http = OkHttpClient()
    val heard = Heard()
    val socket = http.newWebSocket(Request.Builder().url(url).build(), heard)
    heard.opened.await()
    work(socket, heard)
    socket.close(1000, null)
    http.dispatcher.executorService.shutdown()
}

private suspend fun okHttpOneWay(url: String) = okHttp(url) { socket, heard ->
    repeat(MESSAGES) {
        // Beyond 16 MiB OkHttp gives up the connection.
        while (socket.queueSize() > (8 shl 20)) delay(1)
        check(socket.send(SIZE))
    }
    heard.messages.receive()
}

private suspend fun ktor(url: String, work: suspend (io.ktor.client.plugins.websocket.DefaultClientWebSocketSession) -> Unit) {
    HttpClient(CIO) { install(WebSockets) }.use { http -> http.webSocket(url) { work(this) } }
}

private suspend fun ktorOneWay(url: String) = ktor(url) { session ->
    repeat(MESSAGES) { session.send(Frame.Text(SIZE)) }
    session.incoming.receive()
}

private suspend fun everwire(url: String, config: WebSocketClient.Config = CONFIG, work: suspend (WebSocketClient) -> Unit) {
    val client = WebSocketClient(url, config)
    client.connect()
    client.state.first { it is WebSocketClient.State.Connected }
    work(client)
    client.finish(10.seconds)
}

private val CONFIG = WebSocketClient.Config(proxy = "none", initialReconnectDelayMs = 20, maxReconnectDelayMs = 50, maxQueueSize = 2_000)

private suspend fun everwireOneWay(url: String) = everwire(url) { client ->
    var refused = 0
    repeat(MESSAGES) { if (!client.send(SIZE)) { refused++; client.deliver(SIZE) } }
    client.messages.first()
    settled(client)
}

private suspend fun everwireBatches(url: String) = everwire(url) { client ->
    val batch = List(256) { SIZE }
    var sent = 0
    while (sent < MESSAGES) {
        val some = if (MESSAGES - sent < batch.size) batch.take(MESSAGES - sent) else batch
        val accepted = client.sendAll(some)
        sent += accepted
        if (accepted < some.size) {
            client.deliver(SIZE)
            sent++
        }
    }
    client.messages.first()
    settled(client)
}

/** Until no message is without its outcome. */
private suspend fun settled(client: WebSocketClient) {
    while (client.stats().run { queuedMessages + unprovenMessages } > 0) delay(1)
}

private suspend fun trips(trip: suspend () -> Unit): Double {
    val times = LongArray(TRIPS)
    repeat(TRIPS) {
        val started = System.nanoTime()
        trip()
        times[it] = System.nanoTime() - started
    }
    return times.sorted()[TRIPS / 2] / 1e3
}

private suspend fun okHttpTrips(url: String): Double {
    var median = 0.0
    okHttp(url) { socket, heard -> median = trips { socket.send(SIZE); heard.messages.receive() } }
    return median
}

private suspend fun ktorTrips(url: String): Double {
    var median = 0.0
    ktor(url) { session -> median = trips { session.send(Frame.Text(SIZE)); (session.incoming.receive() as Frame.Text).readText() } }
    return median
}

private suspend fun everwireTrips(url: String): Double = kotlinx.coroutines.coroutineScope {
    var median = 0.0
    everwire(url) { client ->
        val answers = Channel<Message>(Channel.UNLIMITED)
        val reading = launch { client.messages.collect(answers::send) }
        median = trips { client.send(SIZE); answers.receive() }
        reading.cancel()
    }
    median
}

/** How many of 1,000 were lost, and how many came twice. */
private fun lost(echo: EchoServer): Pair<Int, Int> = runBlocking {
    FaultyNetwork(echo.address).use { network ->
        var result = 0 to 0
        everwire(network.url, CONFIG.copy(session = Session.REQUIRE)) { client ->
            val received = async {
                val seen = ArrayList<String>()
                client.messages.first { seen += (it as Message.Text).text; seen.last() == "message 999" }
                seen
            }
            val outcomes = (0 until 1_000).map { number ->
                if (number % 50 == 25) network.fault("cut")
                async(start = CoroutineStart.UNDISPATCHED) { client.deliver("message $number") }
            }.awaitAll()
            check(outcomes.all { it.kind == Outcome.Kind.ACKNOWLEDGED })
            val seen = received.await()
            result = 1_000 - seen.toSet().size to seen.size - seen.toSet().size
        }
        result
    }
}

/** A `main` of ours in a JVM of its own, with this one's classes unless others are named. */
private class Server(
    main: String,
    vararg args: String,
    options: List<String> = emptyList(),
    path: String = System.getProperty("java.class.path"),
    cache: File? = null,
) : AutoCloseable {
    private val process = ProcessBuilder(listOf(File(System.getProperty("java.home"), "bin/java").path) + options + listOf("-cp", path, main) + args)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .apply { cache?.let { environment()["XDG_CACHE_HOME"] = it.path } }
        .start()
    val firstLine: String = process.inputStream.bufferedReader().readLine()
    val url: String get() = "ws://${firstLine.substringAfterLast(' ')}/"

    fun awaitEnd() {
        process.waitFor()
    }

    override fun close() {
        process.destroyForcibly().waitFor()
    }
}
