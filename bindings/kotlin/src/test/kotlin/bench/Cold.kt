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

private const val NOWHERE = "ws://127.0.0.1:9/"

/**
 * How long it takes to have a client, in milliseconds: ours with the native library unpacked and loaded, or OkHttp's with its first
 * WebSocket under way. `warm`: in a program that uses coroutines already.
 */
fun main(args: Array<String>) {
    if ("warm" in args) coroutines()
    val started = System.nanoTime()
    val close: () -> Unit = if ("okhttp" in args) {
        val socket = OkHttpClient().newWebSocket(Request.Builder().url(NOWHERE).build(), object : WebSocketListener() {})
        socket::cancel
    } else {
        val client = WebSocketClient(NOWHERE)
        client::close
    }
    println((System.nanoTime() - started) / 1_000_000)
    close()
    kotlin.system.exitProcess(0)
}

private fun coroutines() = runBlocking {
    val state = MutableStateFlow(0)
    val channel = Channel<Int>()
    launch(Dispatchers.Default) { state.value = channel.receive() }
    channel.send(1)
    state.first { it == 1 }
    Unit
}
