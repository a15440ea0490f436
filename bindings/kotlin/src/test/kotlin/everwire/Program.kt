package everwire

import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking

/** A program of its own: it sends and receives, closes without waiting, and comes to the end of `main`. */
fun main(args: Array<String>) {
    val client = WebSocketClient(args[0], WebSocketClient.Config(maxQueueSize = 2_000, proxy = "none"))
    client.connect()
    val text = "x".repeat(4_096)
    runBlocking {
        repeat(1_000) { check(client.send(text)) }
        val received = client.messages.take(1_000).toList()
        println("${received.count { (it as Message.Text).text == text }} received")
    }
    client.close()
}
