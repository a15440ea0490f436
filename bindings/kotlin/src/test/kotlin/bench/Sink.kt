package bench

import java.io.BufferedInputStream
import java.io.DataInputStream
import java.io.OutputStream
import java.net.ServerSocket
import java.net.Socket
import java.security.MessageDigest
import java.util.Base64

/**
 * A WebSocket server that does as little as one can: it counts text messages and tells, by `done`, when it has the number that the path
 * names; it answers pings and the close. A program of its own, so that it shares nothing with the clients.
 */
fun main() {
    val server = ServerSocket(0, 50, java.net.InetAddress.getLoopbackAddress())
    println("listening on 127.0.0.1:${server.localPort}")
    while (true) {
        val socket = server.accept()
        Thread { runCatching { serve(socket) }; socket.close() }.apply { isDaemon = true }.start()
    }
}

private fun serve(socket: Socket) {
    socket.tcpNoDelay = true
    val input = DataInputStream(BufferedInputStream(socket.getInputStream(), 1 shl 16))
    val output = socket.getOutputStream()
    val head = generateSequence { @Suppress("DEPRECATION") input.readLine() }.takeWhile { it.isNotEmpty() }.toList()
    val wanted = head.first().split(' ')[1].trim('/').toInt()
    val key = head.first { it.startsWith("sec-websocket-key:", ignoreCase = true) }.substringAfter(':').trim()
    val digest = MessageDigest.getInstance("SHA-1").digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").toByteArray())
    val accept = Base64.getEncoder().encodeToString(digest)
    output.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n".toByteArray())
    var count = 0
    while (true) {
        val opcode = input.readUnsignedByte() and 0x0F
        var size = (input.readUnsignedByte() and 0x7F).toLong()
        if (size == 126L) size = input.readUnsignedShort().toLong() else if (size == 127L) size = input.readLong()
        val mask = ByteArray(4).also(input::readFully)
        when (opcode) {
            0x1, 0x2 -> {
                input.skipNBytes(size)
                if (++count % wanted == 0) frame(output, 0x1, "done".toByteArray())
            }
            0x8, 0x9 -> {
                val payload = ByteArray(size.toInt()).also(input::readFully)
                for (at in payload.indices) payload[at] = (payload[at].toInt() xor mask[at % 4].toInt()).toByte()
                frame(output, if (opcode == 0x8) 0x8 else 0xA, payload)
                if (opcode == 0x8) return
            }
            else -> input.skipNBytes(size)
        }
    }
}

private fun frame(output: OutputStream, opcode: Int, payload: ByteArray) {
    output.write(byteArrayOf((0x80 or opcode).toByte(), payload.size.toByte()) + payload)
    output.flush()
}
