package everwire

import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import java.util.jar.JarOutputStream
import java.util.zip.Deflater
import java.util.zip.ZipEntry

/** A process of the `everwire` binary; ends when closed. */
class Everwire(vararg args: String) : AutoCloseable {
    private val process: Process = ProcessBuilder(listOf(binary) + args).redirectError(ProcessBuilder.Redirect.DISCARD).start()

    /** What it said first. */
    val firstLine: String

    init {
        val output = process.inputStream.bufferedReader()
        firstLine = output.readLine() ?: error("everwire ${args.joinToString(" ")} said nothing and ended with ${process.waitFor()}")
        Thread { runCatching { output.forEachLine { } } }.apply { isDaemon = true }.start()
    }

    override fun close() {
        process.destroyForcibly()
        process.waitFor(20, TimeUnit.SECONDS)
    }

    companion object {
        private val binary: String = System.getProperty("everwire.binary").also {
            check(File(it).exists()) { "$it is not there: `cargo xtask kotlin` builds it, or give -Deverwire.binary=PATH" }
        }

        /** The address in what a server says when it starts. */
        fun address(line: String): String = Regex("""(127\.0\.0\.1:\d+)""").find(line)?.value ?: error("no address in: $line")
    }
}

/** `everwire echo`, which can go away and come back at its port. */
class EchoServer(private var closeWith: Int? = null) : AutoCloseable {
    private var process: Everwire? = start("127.0.0.1:0")
    val address: String = Everwire.address(process!!.firstLine)
    val url: String get() = "ws://$address/"

    private fun start(listen: String): Everwire {
        val code = closeWith?.let { arrayOf("--close-with", it.toString()) }.orEmpty()
        return Everwire("echo", "--listen", listen, *code)
    }

    fun stop() {
        process?.close()
        process = null
    }

    fun restart(closeWith: Int? = null) {
        stop()
        this.closeWith = closeWith
        process = start(address)
    }

    override fun close() = stop()
}

/** `everwire proxy` in front of a server. */
class FaultyNetwork(to: String, schedule: String? = null) : AutoCloseable {
    private val file: Path? = schedule?.let { Files.writeString(Files.createTempFile("schedule", ".toml"), it) }
    private val process = Everwire(
        "proxy", "--json", "--to", to, "--control", "127.0.0.1:0",
        *(file?.let { arrayOf("--schedule", it.toString()) }.orEmpty()),
    )
    private val addresses = Regex(""""(listen|control)":"([^"]+)"""").findAll(process.firstLine).associate { it.groupValues[1] to it.groupValues[2] }
    val address: String = addresses.getValue("listen")
    val url: String get() = "ws://$address/"

    /** `cut`, `blackhole?on=true`, `refuse?on=false`. */
    fun fault(path: String) {
        val request = HttpRequest.newBuilder(URI("http://${addresses["control"]}/$path")).POST(HttpRequest.BodyPublishers.noBody()).build()
        val answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() in 200..299) { "$path: ${answer.statusCode()} ${answer.body()}" }
    }

    override fun close() {
        process.close()
        file?.let(Files::deleteIfExists)
    }
}

/** The wanted files below a folder, as a jar. */
fun packClasses(folder: File, jar: File, wanted: (String) -> Boolean = { true }) {
    JarOutputStream(jar.outputStream()).use { out ->
        out.setLevel(Deflater.BEST_SPEED)
        folder.walk().filter { it.isFile }.forEach { file ->
            val name = file.relativeTo(folder).invariantSeparatorsPath
            if (!wanted(name)) return@forEach
            out.putNextEntry(ZipEntry(name))
            file.inputStream().use { it.copyTo(out) }
            out.closeEntry()
        }
    }
}
