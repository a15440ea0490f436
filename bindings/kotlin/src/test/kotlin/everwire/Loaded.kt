package everwire

import java.io.File

/** A program of its own: it makes a client, and tells the file of the native library. */
fun main() {
    WebSocketClient("ws://127.0.0.1:9/").close()
    println(File("/proc/self/maps").readLines().first { "everwire_kotlin" in it }.substringAfter('/').let { "/$it" })
}
