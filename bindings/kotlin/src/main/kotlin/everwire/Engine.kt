package everwire

import everwire.internal.Burst
import everwire.internal.Client
import everwire.internal.NativeException
import everwire.internal.Payload
import everwire.internal.Phase
import everwire.internal.Step
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.atomic.AtomicInteger
import everwire.internal.Event as NativeEvent
import everwire.internal.SendOptions as NativeOptions
import everwire.internal.State as NativeState

/** What goes out at a time, over the border to the native library. */
private const val OUTCOMES_AT_ONCE = 4096
private const val MESSAGES_AT_ONCE = 512
private const val EVENTS_AT_ONCE = 64

/** So many messages of a burst are gathered at most. */
private const val MOST_GATHERED = 256

/** Outcomes for which nobody waits are fetched this often, and not one by one. */
private const val UNHURRIED_MS = 5L

private const val LAST_EVENTS_MS = 2_000L

private const val CLOSED = "the client is closed"

/** The program's say while a connection is made. */
internal class Asks(
    val beforeAttempt: (suspend (Attempt) -> AttemptAnswer?)?,
    val onOpen: (suspend Opening.() -> Unit)?,
)

/** What is told of a client; called one after the other, never concurrently with itself. */
internal interface Told {
    fun state(state: NativeState)

    suspend fun event(event: NativeEvent)
}

/**
 * A native client, and the loops that fetch from it in batches. Nothing calls back from there: each loop asks, and what was lost
 * with a cancelled coroutine comes again, since each call says how far the last one came.
 */
internal class Engine(settings: Map<String, Any?>, private val asks: Asks, private val queueLimit: Int?, private val told: Told) {
    private val native: Client = try {
        Client.start(settings)
    } catch (wrong: NativeException) {
        throw if (wrong.kind == NativeException.Kind.SETTING) SettingException(wrong.message.orEmpty()) else IllegalStateException(wrong.message)
    }

    /** Its threads are daemons: no client keeps a program alive. */
    val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    private val lock = Any()

    /** Messages without an outcome, in the order of their numbers, with who waits for it. */
    private val open = LinkedHashMap<Long, CompletableDeferred<Outcome>?>()

    /** Outcomes that came before who waits for them had the number. */
    private val early = HashMap<Long, Outcome>()
    private var unnumbered = 0

    /** Accepted, and not handed over yet, with who waits for the outcome. */
    private val gathered = ArrayList<Payload>()
    private val waiters = ArrayList<CompletableDeferred<Outcome>?>()

    /** How many wait for outcomes, and the word that there is one more. */
    private val awaiting = AtomicInteger()
    private val hurry = Channel<Unit>(Channel.CONFLATED)

    @Volatile private var ending = false

    private val burst = Burst()

    private val reading = Mutex()
    private var messagesTaken = 0L

    @Volatile var connected = false
        private set

    @Volatile private var closed = false

    private val outcomeLoop: Job
    private val stateLoop: Job
    private val eventLoop: Job
    private val stepLoop: Job?

    val recovered: List<Recovered> = native.recovered()

    init {
        recovered.forEach { open[it.id] = null }
        outcomeLoop = scope.launch { outcomes() }
        stateLoop = scope.launch { states() }
        eventLoop = scope.launch { events() }
        stepLoop = if (asks.beforeAttempt != null || asks.onOpen != null) scope.launch { steps() } else null
    }

    fun connect() = ifOpen { native.connect() }

    fun disconnect() = ifOpen { native.disconnect() }

    /** What the next closing handshake tells the server. */
    fun closeWith(code: Int, reason: String?) = ifOpen { native.setCloseFrame(code, reason.orEmpty()) }

    fun reconnectNow() = ifOpen { native.reconnectNow() }

    fun migrate() = ifOpen { native.migrate() }

    fun hint(hint: Hint) = ifOpen { native.hint(hint.name.lowercase()) }

    /** Of a client that is closed: zeros. */
    fun stats(): Stats = ifOpen { native.stats() } ?: Stats(0, 0, 0, 0, 0, 0, 0, null)

    /** What becomes of a message that has no outcome yet, and for which nobody waits. */
    fun outcomeOf(id: Long): CompletableDeferred<Outcome> = synchronized(lock) {
        waiter().also { check(id in open) { "message $id has its outcome" }; open[id] = it }
    }

    /** Puts a message into the outbox; whether it was accepted. */
    fun offer(payload: Payload, waiter: CompletableDeferred<Outcome>? = null): Boolean = tellingDropped { dropped ->
        try {
            when {
                closed || !makeRoom(dropped) -> false
                gathers() -> gather(payload, waiter)
                else -> {
                    open[native.send(payload)] = waiter
                    true
                }
            }
        } catch (_: NativeException) {
            false
        }
    }

    /** Puts many messages into the outbox, in order; how many were accepted. */
    fun offerAll(payloads: List<Payload>): Int {
        if (closed) return 0
        if (queueLimit != null && !isConnected()) {
            return payloads.indexOfFirst { !offer(it) }.let { if (it < 0) payloads.size else it }
        }
        return synchronized(lock) { if (closed || !handOver()) 0 else sendMany(payloads) { null } }
    }

    /** A message that is worth something only now. */
    fun volatile(payload: Payload): Boolean = ifOpen {
        synchronized(lock) { handOver() }
        try {
            native.sendVolatile(payload)
            true
        } catch (_: NativeException) {
            false
        }
    } ?: false

    /** Sends, waits for room where there is none, and for the outcome. */
    suspend fun deliver(payload: Payload, options: NativeOptions?): Outcome {
        val waiter = waiter()
        var full = false
        val refused = tellingDropped { dropped ->
            when {
                closed -> Outcome.closed(CLOSED)
                !makeRoom(dropped) -> Outcome.NOT_CONNECTED
                options == null && gathers() -> null.also { full = !gather(payload, waiter) }
                !handOver() -> null.also { full = true }
                else -> try {
                    open[if (options == null) native.send(payload) else native.send(payload, options)] = waiter
                    null
                } catch (refused: NativeException) {
                    full = refused.kind == NativeException.Kind.FULL
                    if (full) null else refusal(refused)
                }
            }
        } ?: if (full) waitForRoom(payload, options, waiter) else null
        return refused?.also { waiter.complete(it) } ?: waiter.await()
    }

    /** Somebody who waits for an outcome. */
    private fun waiter(): CompletableDeferred<Outcome> = CompletableDeferred<Outcome>().also {
        awaiting.incrementAndGet()
        it.invokeOnCompletion { awaiting.decrementAndGet() }
        hurry.trySend(Unit)
    }

    /** Under the lock; who waits for messages that were dropped meanwhile hears of it outside. */
    private inline fun <T> tellingDropped(work: (MutableList<CompletableDeferred<Outcome>>) -> T): T {
        val dropped = ArrayList<CompletableDeferred<Outcome>>(0)
        return synchronized(lock) { work(dropped).also { burst.acceptedAt(System.nanoTime()) } }.also { dropped.forEach { it.complete(Outcome.OLDEST) } }
    }

    private suspend fun waitForRoom(payload: Payload, options: NativeOptions?, waiter: CompletableDeferred<Outcome>): Outcome? {
        synchronized(lock) { unnumbered++ }
        try {
            // What was accepted before goes first.
            while (!synchronized(lock) { closed || handOver() }) delay(1)
            val id = native.sendWait(payload, options)
            synchronized(lock) { early.remove(id)?.let { waiter.complete(it) } ?: open.put(id, waiter) }
            return null
        } catch (refused: NativeException) {
            return refusal(refused)
        } finally {
            synchronized(lock) { if (--unnumbered == 0) early.clear() }
        }
    }

    /** Whether a message is gathered with others before it crosses the border. Under the lock. */
    private fun gathers(): Boolean = gathered.isNotEmpty() || (connected && burst.continuesAt(System.nanoTime(), open.size))

    /** Under the lock. `false` if the outbox has no room. */
    private fun gather(payload: Payload, waiter: CompletableDeferred<Outcome>?): Boolean {
        if (gathered.size >= MOST_GATHERED && !handOver()) return false
        gathered += payload
        waiters += waiter
        if (gathered.size == 1) scope.launch { while (!synchronized(lock) { closed || handOver() }) delay(1) }
        return true
    }

    /** Hands over what was gathered. `false` if the outbox had no room for all of it. Under the lock. */
    private fun handOver(): Boolean {
        if (gathered.isEmpty()) return true
        var next = 0
        val sent = sendMany(gathered) { waiters[next++] }
        gathered.subList(0, sent).clear()
        waiters.subList(0, sent).clear()
        return gathered.isEmpty()
    }

    /** Under the lock. How many the outbox took. */
    private inline fun sendMany(payloads: List<Payload>, waiter: () -> CompletableDeferred<Outcome>?): Int {
        var count = 0
        for (range in native.sendMany(payloads)) {
            for (id in range) {
                open[id] = waiter()
                count++
            }
        }
        return count
    }

    private fun refusal(refused: NativeException): Outcome = when (refused.kind) {
        NativeException.Kind.TOO_LARGE -> Outcome(Outcome.Kind.REJECTED, false, true, refused.message.orEmpty())
        else -> Outcome.closed(refused.message.orEmpty())
    }

    /** Without a connection the queue has a limit of its own; the oldest goes. Under the lock. */
    private fun makeRoom(told: MutableList<CompletableDeferred<Outcome>>): Boolean {
        val limit = queueLimit
        if (limit == null || open.size < limit || isConnected()) return true
        if (limit == 0) return false
        val candidates = open.keys.iterator()
        var ended = 0
        while (open.size - ended >= limit && candidates.hasNext()) {
            val id = candidates.next()
            try {
                if (native.cancel(id).kind != Outcome.Kind.CANCELLED) continue
            } catch (refused: NativeException) {
                // It has an outcome, which was not fetched yet.
                if (refused.kind == NativeException.Kind.NO_SUCH_MESSAGE) ended++
                continue
            }
            open[id]?.let { told += it }
            candidates.remove()
        }
        return open.size - ended < limit
    }

    /** The loop of states may be a step behind the client, and what is sent then must not be taken for sent offline. */
    private fun isConnected(): Boolean = connected || ifOpen { native.isConnected() } == true

    private suspend fun outcomes() {
        var taken = 0L
        while (true) {
            val batch = native.nextOutcomes(taken, OUTCOMES_AT_ONCE) ?: break
            taken = batch.position
            val told = ArrayList<Pair<CompletableDeferred<Outcome>, Outcome>>()
            synchronized(lock) {
                for (range in batch.ranges) {
                    val outcome = range.outcome
                    for (id in range.first..range.last) {
                        if (open.containsKey(id)) {
                            open.remove(id)?.let { told += it to outcome }
                        } else if (unnumbered > 0) {
                            early[id] = outcome
                        }
                    }
                }
            }
            told.forEach { (waiter, outcome) -> waiter.complete(outcome) }
            if (awaiting.get() == 0 && !ending) withTimeoutOrNull(UNHURRIED_MS) { hurry.receive() }
        }
        val rest = synchronized(lock) { open.values.filterNotNull().also { open.clear() } }
        rest.forEach { it.complete(Outcome.closed(CLOSED)) }
    }

    private suspend fun states() {
        var seen = 0L
        while (true) {
            val change = native.watchState(seen) ?: break
            seen = change.version
            connected = change.state.phase == Phase.CONNECTED
            told.state(change.state)
        }
    }

    private suspend fun events() {
        var taken = 0L
        while (true) {
            val batch = native.nextEvents(taken, EVENTS_AT_ONCE) ?: break
            taken = batch.position
            batch.events.forEach { told.event(it) }
        }
    }

    /**
     * Hands every received message to [take], in order, until the client has ended or the coroutine is cancelled. One reader at a
     * time; the next one goes on where this one stopped. [takenBefore]: a message counts as taken before `take`, not after it.
     */
    suspend fun read(takenBefore: Boolean, take: suspend (Message) -> Unit) {
        reading.withLock {
            while (!closed) {
                val batch = native.nextBatch(messagesTaken, MESSAGES_AT_ONCE) ?: return
                var position = batch.position - batch.messages.size
                for (message in batch.messages) {
                    position++
                    currentCoroutineContext().ensureActive()
                    if (takenBefore) messagesTaken = position
                    take(message)
                    messagesTaken = position
                }
            }
        }
    }

    private suspend fun steps() {
        var seen = 0L
        while (true) {
            val step = native.nextStep(seen) ?: break
            seen = step.id
            scope.launch { answer(step) }
        }
    }

    private suspend fun answer(step: Step) {
        try {
            if (step.isOpening) {
                asks.onOpen?.invoke(Opening(native, step))
                native.openingDone(step.id)
            } else {
                val attempt = Attempt(step.url.orEmpty(), step.attempt, step.lastCause, step.lastCode)
                native.answerAttempt(step.id, asks.beforeAttempt?.invoke(attempt))
            }
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (_: NativeException) {
            // The step is over: its attempt has ended meanwhile.
        } catch (failure: Throwable) {
            val reason = failure.message ?: failure.javaClass.simpleName
            try {
                native.refuseStep(step.id, reason, failure is PermanentException)
            } catch (_: NativeException) {
                // It is over anyway.
            }
        }
    }

    /** Ends the client, and waits for that; cancelled, it goes on. */
    suspend fun finish(withinMs: Long): Undelivered = ENDING.async { end(withinMs) }.await()

    /** Ends the client in the background. */
    fun close(deadlineMs: Long) {
        ENDING.launch(start = CoroutineStart.UNDISPATCHED) { end(deadlineMs) }
    }

    private suspend fun end(withinMs: Long): Undelivered {
        if (closed) return Undelivered(emptyList(), emptyList())
        ending = true
        hurry.trySend(Unit)
        val end = System.nanoTime() + withinMs * 1_000_000
        // What was accepted goes the way of everything else.
        while (!synchronized(lock) { closed || handOver() } && System.nanoTime() < end) delay(1)
        val left = native.finish(withinMs.coerceAtLeast(0))
        // Every outcome is told before this returns.
        outcomeLoop.join()
        val (never, waiting) = synchronized(lock) {
            (ArrayList(gathered) to waiters.filterNotNull()).also { gathered.clear(); waiters.clear() }
        }
        waiting.forEach { it.complete(Outcome.closed(CLOSED)) }
        release()
        return Undelivered(left.unsent + never.map { it.toMessage() }, left.unacknowledged)
    }

    /** Lets go of the native client, once whoever reads messages has done with them. */
    private fun release() {
        synchronized(lock) {
            if (closed) return
            closed = true
        }
        connected = false
        scope.launch {
            stateLoop.join()
            // The last events are told, unless whoever collects them is stuck.
            withTimeoutOrNull(LAST_EVENTS_MS) { eventLoop.join() }
            eventLoop.cancelAndJoin()
            stepLoop?.join()
            reading.withLock { synchronized(lock) { native.free() } }
            scope.cancel()
        }
    }

    private inline fun <T> ifOpen(work: () -> T): T? = if (closed) null else try {
        work()
    } catch (_: NativeException) {
        // It was released a moment ago.
        null
    }
}

/** Ends clients: not in their own scopes, which end with them. */
private val ENDING = CoroutineScope(SupervisorJob() + Dispatchers.Default)

internal val NativeEvent.isFailure: Boolean get() = kind == "attempt_failed" || kind == "connection_ended"
