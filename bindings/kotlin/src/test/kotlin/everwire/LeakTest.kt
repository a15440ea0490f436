package everwire

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

private val CLIENTS = Integer.getInteger("everwire.clients", 1_000)
private val MESSAGES = Integer.getInteger("everwire.messages", 100_000)
private val QUICK = WebSocketClient.Config(initialReconnectDelayMs = 20, maxReconnectDelayMs = 50, proxy = "none")

private fun descriptors(): Int = File("/proc/self/fd").list().orEmpty().size

/** Threads of the JVM's and the library's. */
private fun threads(): Int = File("/proc/self/task").list().orEmpty().size

/** What the process holds of memory, in KiB. */
private fun residentKiB(): Long =
    File("/proc/self/status").readLines().first { it.startsWith("VmRSS:") }.filter(Char::isDigit).toLong()

/** How many objects a debugger would see in the heap, after a collection, by a class histogram: all, and those of ours and of coroutines. */
private fun liveObjects(): Pair<Long, Long> {
    val name = javax.management.ObjectName("com.sun.management:type=DiagnosticCommand")
    val signature = arrayOf(Array<String>::class.java.name)
    val server = java.lang.management.ManagementFactory.getPlatformMBeanServer()
    val histogram = server.invoke(name, "gcClassHistogram", arrayOf(emptyArray<String>()), signature) as String
    val classes = Regex("""^\s*\d+:\s+(\d+)\s+\d+\s+(\S+)""", RegexOption.MULTILINE).findAll(histogram)
    val (all, ours) = classes.map { it.groupValues[2] to it.groupValues[1].toLong() }.toList().let { counts ->
        counts.sumOf { it.second } to counts.filter { it.first.startsWith("everwire.") || it.first.startsWith("kotlinx.coroutines.") || it.first.startsWith("okio.") }.sumOf { it.second }
    }
    check(ours > 0) { "the histogram names none" }
    return all to ours
}

/** What clients leave behind: nothing. The counts are set by `-Deverwire.clients` and `-Deverwire.messages`. */
class LeakTest {
    @Test
    fun `clients that were opened and closed leave no thread, descriptor or memory`() = EchoServer().use { server ->
        runBlocking {
            withTimeout(5.minutes) {
                suspend fun round(count: Int) {
                    repeat((count + 49) / 50) {
                        List(50) {
                            async(Dispatchers.Default) {
                                val client = WebSocketClient(server.url, QUICK)
                                client.connect()
                                assertEquals(Outcome.Kind.RECEIVED, client.deliver("hello").kind)
                                client.finish(10.seconds)
                            }
                        }.forEach { it.await() }
                    }
                }

                suspend fun settled(): Triple<Int, Int, Long> {
                    System.gc()
                    delay(500)
                    System.gc()
                    return Triple(threads(), descriptors(), residentKiB())
                }

                // Warm: classes, code, the allocators' arenas.
                round(CLIENTS)
                val (threads, descriptors, memory) = settled()
                round(CLIENTS)
                val (threadsAfter, descriptorsAfter, memoryAfter) = settled()
                println("$CLIENTS clients: threads $threads -> $threadsAfter, descriptors $descriptors -> $descriptorsAfter, KiB $memory -> $memoryAfter")
                assertTrue(threadsAfter <= threads + 4, "threads: $threads, then $threadsAfter")
                assertTrue(descriptorsAfter <= descriptors + 4, "descriptors: $descriptors, then $descriptorsAfter")
                // The heap is touched from the start (AlwaysPreTouch); code and arenas move by some MiB, whatever the count.
                assertTrue(memoryAfter < memory + 16 * 1024, "KiB: $memory, then $memoryAfter")
            }
        }
    }

    @Test
    fun `many messages through one client leave no memory`() = EchoServer().use { server ->
        runBlocking {
            withTimeout(5.minutes) {
                val client = WebSocketClient(server.url, QUICK)
                client.connect()

                suspend fun round(count: Int) {
                    // It collects before anything is sent: until then only the newest messages are kept.
                    val read = launch(start = CoroutineStart.UNDISPATCHED) {
                        var left = count
                        client.messages.collect { if (--left == 0) throw kotlinx.coroutines.CancellationException("all are there") }
                    }
                    var sent = 0
                    while (sent < count) {
                        val some = List(minOf(500, count - sent)) { "message number $it of a batch that is sent at once" }
                        val accepted = client.sendAll(some)
                        sent += accepted
                        if (accepted < some.size) client.deliver("one that waits for room").also { sent++ }
                    }
                    read.join()
                    // Its outcome comes after those of all the others, which are kept until they have one.
                    client.deliver("the last one")
                }

                client.deliver("connected")
                round(MESSAGES / 4)
                fun heap(): Long {
                    repeat(3) { System.gc() }
                    return Runtime.getRuntime().run { totalMemory() - freeMemory() }
                }
                val (heap, memory) = heap() to residentKiB()
                val (all, ours) = liveObjects()
                round(MESSAGES)
                val (heapAfter, memoryAfter) = heap() to residentKiB()
                val (allAfter, oursAfter) = liveObjects()
                println("$MESSAGES messages: heap $heap -> $heapAfter, objects $all -> $allAfter, of ours $ours -> $oursAfter, KiB $memory -> $memoryAfter")
                assertTrue(heapAfter < heap + (4 shl 20), "bytes of the heap: $heap, then $heapAfter")
                // The JVM and the tests make some of their own meanwhile; one that stayed of each message would be many times as many.
                assertTrue(allAfter < all + MESSAGES / 10, "objects: $all, then $allAfter")
                assertTrue(oursAfter < ours + 1_000, "objects of ours and of coroutines: $ours, then $oursAfter")
                assertTrue(memoryAfter < memory + 64 * 1024, "KiB: $memory, then $memoryAfter")
                client.finish(10.seconds)
            }
        }
        Unit
    }

    @Test
    fun `a program ends after close, and in a heap of 16 MiB`() = EchoServer().use { server ->
        for (options in listOf(listOf(), listOf("-Xmx16m"))) {
            val java = File(System.getProperty("java.home"), "bin/java").path
            val path = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
            val command = listOf(java) + options + listOf("-cp", path, "everwire.ProgramKt", server.url)
            val started = System.nanoTime()
            val program = ProcessBuilder(command).redirectErrorStream(true).start()
            val ended = program.waitFor(60, TimeUnit.SECONDS)
            if (!ended) program.destroyForcibly()
            val output = program.inputStream.bufferedReader().readText()
            assertTrue(ended, "it does not end: $output")
            assertEquals(0, program.exitValue(), output)
            assertTrue("1000 received" in output, output)
            println("a program with $options: ${(System.nanoTime() - started) / 1_000_000} ms")
        }
    }
}
