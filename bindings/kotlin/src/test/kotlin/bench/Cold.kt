package bench

import everwire.WebSocketClient
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.Dispatchers
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.WebSocketListener
import java.io.File
import java.io.FileInputStream
import java.util.StringTokenizer

private const val NOWHERE = "ws://127.0.0.1:9/"

/**
 * How long it takes to have a client, in microseconds, and how much of that this thread has waited for a processor: ours with the native library unpacked and loaded, or OkHttp's with its first
 * WebSocket under way. `warm`: in a program that uses coroutines already; `coroutines`: these alone.
 */
fun main(args: Array<String>) {
    // Not by functions of Kotlin's, whose classes would then be there.
    val what = if (args.isEmpty()) "" else args[0]
    if (what == "warm") coroutines()
    val waited = waitedNs()
    val started = System.nanoTime()
    val close: () -> Unit = when (what) {
        "coroutines" -> coroutines().let { {} }
        "okhttp" -> OkHttpClient().newWebSocket(Request.Builder().url(NOWHERE).build(), object : WebSocketListener() {})::cancel
        else -> WebSocketClient(NOWHERE)::close
    }
    println("${(System.nanoTime() - started) / 1_000} ${(waitedNs() - waited) / 1_000}")
    close()
    kotlin.system.exitProcess(0)
}

/** How long this thread could have run and had no processor: 0 where the system does not tell. */
private fun waitedNs(): Long {
    val file = File("/proc/thread-self/schedstat")
    return if (file.exists()) String(FileInputStream(file).use { it.readAllBytes() }).let { StringTokenizer(it).run { nextToken(); java.lang.Long.parseLong(nextToken()) } } else 0
}

private fun coroutines() = runBlocking {
    val state = MutableStateFlow(0)
    val channel = Channel<Int>()
    launch(Dispatchers.Default) { state.value = channel.receive() }
    channel.send(1)
    state.first { it == 1 }
    Unit
}
