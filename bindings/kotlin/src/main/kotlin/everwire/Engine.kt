package everwire

import everwire.internal.Client
import everwire.internal.EventKind
import everwire.internal.Payload
import everwire.internal.Phase
import everwire.internal.Settings
import everwire.internal.Step
import everwire.internal.StepKind
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
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import everwire.internal.Event as NativeEvent
import everwire.internal.Exception as NativeException
import everwire.internal.SendOptions as NativeOptions
import everwire.internal.State as NativeState

/** What goes out at a time, over the border to the native library. */
private const val OUTCOMES_AT_ONCE = 4096u
private const val MESSAGES_AT_ONCE = 512u
private const val EVENTS_AT_ONCE = 64u

/** With so many messages on their way, those that follow each other within this time are gathered; and never more than so many. */
private const val BUSY = 4
private const val SOON_NS = 100_000L
private const val MOST_GATHERED = 256

private const val LAST_EVENTS_MS = 2_000L

private const val CLOSED = "the client is closed"

internal val NO_OPTIONS = NativeOptions(null, null, null)

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
internal class Engine(settings: Settings, private val asks: Asks, private val queueLimit: Int?, private val told: Told) {
    private val native: Client = try {
        NativeLibrary.start(settings)
    } catch (wrong: NativeException.Setting) {
        throw SettingException(wrong.message.orEmpty())
    } catch (wrong: NativeException) {
        throw IllegalStateException(wrong.message)
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

    /** When the last message was accepted, by `System.nanoTime`. */
    private var offered = 0L

    private val reading = Mutex()
    private var messagesTaken = 0uL

    @Volatile var connected = false
        private set

    @Volatile private var closed = false

    private val outcomeLoop: Job
    private val stateLoop: Job
    private val eventLoop: Job
    private val stepLoop: Job?

    val recovered: List<Recovered> = native.recovered().map { Recovered(it.id.toLong(), it.payload.toMessage()) }

    init {
        recovered.forEach { open[it.id] = null }
        outcomeLoop = scope.launch { outcomes() }
        stateLoop = scope.launch { states() }
        eventLoop = scope.launch { events() }
        stepLoop = if (asks.beforeAttempt != null || asks.onOpen != null) scope.launch { steps() } else null
    }

    fun connect() = ifOpen { native.connect() }

    fun disconnect() = ifOpen { native.disconnect() }

    fun reconnectNow() = ifOpen { native.reconnectNow() }

    fun migrate() = ifOpen { native.migrate() }

    fun hint(hint: Hint) = ifOpen { native.hint(everwire.internal.Hint.valueOf(hint.name)) }

    /** Of a client that is closed: zeros. */
    fun stats(): Stats = ifOpen { native.stats() }?.run {
        Stats(
            attempts.toLong(), connections.toLong(), queuedMessages.toLong(), queuedBytes.toLong(), unprovenMessages.toLong(),
            messagesSent.toLong(), messagesReceived.toLong(), roundTripUs?.toLong(),
        )
    } ?: Stats(0, 0, 0, 0, 0, 0, 0, null)

    /** What becomes of a message that has no outcome yet, and for which nobody waits. */
    fun outcomeOf(id: Long): CompletableDeferred<Outcome> = synchronized(lock) {
        CompletableDeferred<Outcome>().also { check(id in open) { "message $id has its outcome" }; open[id] = it }
    }

    /** Puts a message into the outbox; whether it was accepted. */
    fun offer(payload: Payload, waiter: CompletableDeferred<Outcome>? = null): Boolean = tellingDropped { dropped ->
        try {
            when {
                closed || !makeRoom(dropped) -> false
                gathers() -> gather(payload, waiter)
                else -> {
                    open[send(payload, NO_OPTIONS)] = waiter
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
    suspend fun deliver(payload: Payload, options: NativeOptions): Outcome {
        val waiter = CompletableDeferred<Outcome>()
        var full = false
        val refused = tellingDropped { dropped ->
            when {
                closed -> Outcome.closed(CLOSED)
                !makeRoom(dropped) -> Outcome.NOT_CONNECTED
                options === NO_OPTIONS && gathers() -> null.also { full = !gather(payload, waiter) }
                !handOver() -> null.also { full = true }
                else -> try {
                    open[send(payload, options)] = waiter
                    null
                } catch (_: NativeException.Full) {
                    full = true
                    null
                } catch (refused: NativeException) {
                    refusal(refused)
                }
            }
        } ?: if (full) waitForRoom(payload, options, waiter) else null
        return refused ?: waiter.await()
    }

    /** Under the lock; who waits for messages that were dropped meanwhile hears of it outside. */
    private inline fun <T> tellingDropped(work: (MutableList<CompletableDeferred<Outcome>>) -> T): T {
        val dropped = ArrayList<CompletableDeferred<Outcome>>(0)
        return synchronized(lock) { work(dropped).also { offered = System.nanoTime() } }.also { dropped.forEach { it.complete(Outcome.OLDEST) } }
    }

    private suspend fun waitForRoom(payload: Payload, options: NativeOptions, waiter: CompletableDeferred<Outcome>): Outcome? {
        synchronized(lock) { unnumbered++ }
        try {
            // What was accepted before goes first.
            while (!synchronized(lock) { closed || handOver() }) delay(1)
            val id = native.sendWait(payload, options).toLong()
            synchronized(lock) { early.remove(id)?.let { waiter.complete(it) } ?: open.put(id, waiter) }
            return null
        } catch (refused: NativeException) {
            return refusal(refused)
        } catch (_: IllegalStateException) {
            // It was released a moment ago.
            return Outcome.closed(CLOSED)
        } finally {
            synchronized(lock) { if (--unnumbered == 0) early.clear() }
        }
    }

    /**
     * Whether a message is gathered with others before it crosses the border: when it comes right behind another one, and some are on
     * their way. One crossing for each costs more than all the rest. Under the lock.
     */
    private fun gathers(): Boolean =
        gathered.isNotEmpty() || (connected && open.size >= BUSY && System.nanoTime() - offered < SOON_NS)

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
        for (range in native.sendMany(payloads).ids) {
            for (id in range.first.toLong()..range.last.toLong()) {
                open[id] = waiter()
                count++
            }
        }
        return count
    }

    private fun refusal(refused: NativeException): Outcome = when (refused) {
        is NativeException.TooLarge -> Outcome(Outcome.Kind.REJECTED, false, true, refused.message.orEmpty())
        else -> Outcome.closed(refused.message.orEmpty())
    }

    private fun send(payload: Payload, options: NativeOptions): Long = when {
        payload is Payload.Text && options === NO_OPTIONS -> native.sendText(payload.v1).toLong()
        else -> native.send(payload, options).toLong()
    }

    /** Without a connection the queue has a limit of its own; the oldest goes. Under the lock. */
    private fun makeRoom(told: MutableList<CompletableDeferred<Outcome>>): Boolean {
        val limit = queueLimit
        if (limit == null || open.size < limit || isConnected()) return true
        if (limit == 0) return false
        val candidates = open.keys.iterator()
        while (open.size >= limit && candidates.hasNext()) {
            val id = candidates.next()
            try {
                if (native.cancel(id.toULong()).kind != everwire.internal.OutcomeKind.CANCELLED) continue
            } catch (_: NativeException) {
                continue
            }
            open[id]?.let { told += it }
            candidates.remove()
        }
        return open.size < limit
    }

    /** The loop of states may be a step behind the client, and what is sent then must not be taken for sent offline. */
    private fun isConnected(): Boolean = connected || ifOpen { native.isConnected() } == true

    private suspend fun outcomes() {
        var taken = 0uL
        while (true) {
            val batch = native.nextOutcomes(taken, OUTCOMES_AT_ONCE) ?: break
            taken = batch.position
            val told = ArrayList<Pair<CompletableDeferred<Outcome>, Outcome>>()
            synchronized(lock) {
                for (range in batch.ranges) {
                    val outcome = Outcome.of(range.outcome)
                    for (id in range.first.toLong()..range.last.toLong()) {
                        if (open.containsKey(id)) {
                            open.remove(id)?.let { told += it to outcome }
                        } else if (unnumbered > 0) {
                            early[id] = outcome
                        }
                    }
                }
            }
            told.forEach { (waiter, outcome) -> waiter.complete(outcome) }
        }
        val rest = synchronized(lock) { open.values.filterNotNull().also { open.clear() } }
        rest.forEach { it.complete(Outcome.closed(CLOSED)) }
    }

    private suspend fun states() {
        var seen = 0uL
        while (true) {
            val change = native.watchState(seen) ?: break
            seen = change.version
            connected = change.state.phase == Phase.CONNECTED
            told.state(change.state)
        }
    }

    private suspend fun events() {
        var taken = 0uL
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
                var position = batch.position - batch.messages.size.toUInt()
                for (message in batch.messages) {
                    position++
                    currentCoroutineContext().ensureActive()
                    if (takenBefore) messagesTaken = position
                    take(message.toMessage())
                    messagesTaken = position
                }
            }
        }
    }

    private suspend fun steps() {
        var seen = 0uL
        while (true) {
            val step = native.nextStep(seen) ?: break
            seen = step.id
            scope.launch { answer(step) }
        }
    }

    private suspend fun answer(step: Step) {
        try {
            when (step.kind) {
                StepKind.OPENING -> {
                    asks.onOpen?.invoke(Opening(native, step))
                    native.openingDone(step.id)
                }
                StepKind.ATTEMPT -> {
                    val attempt = Attempt(step.url.orEmpty(), step.attempt.toInt(), step.lastCause, step.lastCode?.toInt())
                    native.answerAttempt(step.id, asks.beforeAttempt?.invoke(attempt).toNative())
                }
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
    suspend fun finish(withinMs: Long): Left = ENDING.async { end(withinMs) }.await()

    /** Ends the client in the background. */
    fun close(deadlineMs: Long) {
        ENDING.launch(start = CoroutineStart.UNDISPATCHED) { end(deadlineMs) }
    }

    private suspend fun end(withinMs: Long): Left {
        if (closed) return Left(emptyList(), emptyList())
        val end = System.nanoTime() + withinMs * 1_000_000
        // What was accepted goes the way of everything else.
        while (!synchronized(lock) { closed || handOver() } && System.nanoTime() < end) delay(1)
        val left = native.finish(withinMs.coerceAtLeast(0).toULong())
        // Every outcome is told before this returns.
        outcomeLoop.join()
        val (never, waiting) = synchronized(lock) {
            (ArrayList(gathered) to waiters.filterNotNull()).also { gathered.clear(); waiters.clear() }
        }
        waiting.forEach { it.complete(Outcome.closed(CLOSED)) }
        release()
        return Left((left.unsent + never).map { it.toMessage() }, left.unacknowledged.map { it.toMessage() })
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
            reading.withLock { synchronized(lock) { native.destroy() } }
            scope.cancel()
        }
    }

    private inline fun <T> ifOpen(work: () -> T): T? = if (closed) null else try {
        work()
    } catch (_: IllegalStateException) {
        // It was released a moment ago.
        null
    }
}

/** Ends clients: not in their own scopes, which end with them. */
private val ENDING = CoroutineScope(SupervisorJob() + Dispatchers.Default)

internal val EventKind.isFailure: Boolean get() = this == EventKind.ATTEMPT_FAILED || this == EventKind.CONNECTION_ENDED

private fun AttemptAnswer?.toNative(): everwire.internal.AttemptAnswer {
    val headers = this?.headers.orEmpty().map { (name, value) -> everwire.internal.Header(name, value) }
    return everwire.internal.AttemptAnswer(this?.url, headers, this?.subprotocols)
}
