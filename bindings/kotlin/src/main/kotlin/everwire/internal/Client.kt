package everwire.internal

import everwire.AttemptAnswer
import everwire.Message
import everwire.Outcome
import everwire.Recovered
import everwire.Stats
import okio.ByteString.Companion.toByteString

/** What a message carries, as it crosses the border. */
internal class Payload(val bytes: ByteArray, val isText: Boolean)

internal class SendOptions(val ttlMs: Long?, val priority: String?, val key: String?)

internal class Batch(val messages: List<Message>, val position: Long)

internal class OutcomeRange(val first: Long, val last: Long, val outcome: Outcome)

internal class OutcomeBatch(val ranges: List<OutcomeRange>, val position: Long)

/** In the order of `state` in `native/src/codec.rs`. */
internal enum class Phase { CLOSED, CONNECTING, CONNECTED, DISCONNECTED, CLOSING }

internal class State(val phase: Phase, val reason: String, val code: Int?, val ended: Boolean, val failed: Boolean)

internal class StateChange(val version: Long, val state: State)

/** `kind` by the name that `EventKind` of `everwire-bind` has. */
internal class Event(val kind: String, val text: String, val code: Int?, val state: State?)

internal class EventBatch(val events: List<Event>, val position: Long)

internal class Step(
    val id: Long,
    val isOpening: Boolean,
    val attempt: Int,
    val url: String?,
    val subprotocol: String?,
    val lastCause: String?,
    val lastCode: Int?,
)

internal class Undelivered(val unsent: List<Message>, val unacknowledged: List<Message>)

/** A native client. After [free] its calls do nothing, and its waits end. */
internal class Client private constructor(private val handle: Long) {
    fun connect() = done(call(0))

    fun disconnect() = done(call(1))

    fun reconnectNow() = done(call(2))

    fun migrate() = done(call(3))

    fun hint(name: String) = done(call(4) { text(name) })

    /** The number of the message. */
    fun send(payload: Payload): Long {
        val id = Native.send(handle, payload.bytes, payload.isText)
        // Refused: the other way says why, or there is room again.
        return if (id >= 0) id else send(payload, null)
    }

    fun send(payload: Payload, options: SendOptions?): Long = call(5) { payload(payload).options(options ?: NONE) }.number()

    /** The numbers of those that were accepted, in order: of the first ones. */
    fun sendMany(payloads: List<Payload>): List<LongRange> =
        call(6, payloads.sumOf { it.bytes.size + 16 }) { list(payloads) { payload(it) } }.list { number()..number() }

    fun sendVolatile(payload: Payload): Long = call(7) { payload(payload) }.number()

    fun cancel(id: Long): Outcome = call(8) { number(id) }.outcome()

    fun recovered(): List<Recovered> = call(9).list { Recovered(number(), message()) }

    fun isConnected(): Boolean = Native.isConnected(handle)

    fun stats(): Stats = call(10).run { Stats(number(), number(), number(), number(), number(), number(), number(), maybe { number() }) }

    fun close(deadlineMs: Long) = done(call(11) { number(deadlineMs) })

    fun answerAttempt(step: Long, answer: AttemptAnswer?) = done(
        call(12) {
            number(step).maybe(answer?.url) { text(it) }
            list(answer?.headers.orEmpty().entries) { (name, value) -> text(name).text(value) }
            maybe(answer?.subprotocols) { names -> list(names) { text(it) } }
        },
    )

    fun openingDone(step: Long) = done(call(13) { number(step) })

    fun refuseStep(step: Long, reason: String, forGood: Boolean) = done(call(14) { number(step).text(reason).flag(forGood) })

    fun setCloseFrame(code: Int, reason: String) = done(call(15) { number(code.toLong()).text(reason) })

    suspend fun nextBatch(taken: Long, max: Int): Batch? = await(0, taken, max.toLong()).maybe {
        val position = number()
        Batch(list { message() }, position)
    }

    suspend fun nextOutcomes(taken: Long, max: Int): OutcomeBatch? = await(1, taken, max.toLong()).maybe {
        val position = number()
        OutcomeBatch(list { OutcomeRange(number(), number(), outcome()) }, position)
    }

    suspend fun nextEvents(taken: Long, max: Int): EventBatch? = await(2, taken, max.toLong()).maybe {
        val position = number()
        EventBatch(list { Event(text(), text(), code(), maybe { state() }) }, position)
    }

    suspend fun watchState(seen: Long): StateChange? = await(3, seen).maybe { StateChange(number(), state()) }

    suspend fun nextStep(after: Long): Step? =
        await(4, after).maybe { Step(number(), flag(), number().toInt(), maybe { text() }, maybe { text() }, maybe { text() }, code()) }

    /** The number of the message, once there is room for it. */
    suspend fun sendWait(payload: Payload, options: SendOptions?): Long =
        await(5) { payload(payload).options(options ?: NONE) }.number()

    suspend fun finish(withinMs: Long): Undelivered = await(6, withinMs).run { Undelivered(list { message() }, list { message() }) }

    suspend fun openingSend(step: Long, payload: Payload) {
        await(7, step) { payload(payload) }
    }

    suspend fun openingReceive(step: Long): Message = await(8, step).message()

    fun free() = Native.free(handle)

    private fun call(what: Int, room: Int = 32, write: Writer.() -> Unit = {}): Reader =
        Reader(Native.call(handle, what, Writer(room + 16).apply(write).toByteArray())).answered()

    private suspend fun await(what: Int, one: Long = 0, other: Long = 0, write: Writer.() -> Unit = {}): Reader =
        Reader(Native.await(handle, what, Writer().number(one).number(other).apply(write).toByteArray())).answered()

    @Suppress("UNUSED_PARAMETER")
    private fun done(answer: Reader) = Unit

    companion object {
        private val NONE = SendOptions(null, null, null)

        /** Starts a client with these settings, by the names that `everwire-bind` has for them. */
        fun start(settings: Map<String, Any?>): Client {
            val bytes = Writer(512).list(settings.entries) { (name, value) -> text(name).value(value) }.toByteArray()
            return Client(Reader(Native.start(bytes)).answered().number())
        }
    }
}

private fun Reader.message(): Message = if (flag()) Message.Text(text()) else Message.Binary(bytes().toByteString())

private fun Reader.outcome(): Outcome {
    val kind = Outcome.Kind.entries[tag()]
    return Outcome(kind, flag(), flag(), text())
}

private fun Reader.state(): State = State(Phase.entries[tag()], text(), code(), flag(), flag())
