package bench

import everwire.WebSocketClient

/** How long it takes to have a client, the native library unpacked and loaded; in milliseconds. */
fun main() {
    val started = System.nanoTime()
    val client = WebSocketClient("ws://127.0.0.1:9/")
    println((System.nanoTime() - started) / 1_000_000)
    client.close()
}
