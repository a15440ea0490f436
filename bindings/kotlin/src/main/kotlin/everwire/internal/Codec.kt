package everwire.internal

import java.nio.ByteBuffer

/** Writes what crosses the border; `native/src/codec.rs` reads it. */
internal class Writer(room: Int = 64) {
    private var bytes = ByteBuffer.allocate(room)

    private fun room(count: Int): ByteBuffer {
        if (bytes.remaining() < count) {
            val larger = ByteBuffer.allocate(maxOf(bytes.capacity() * 2, bytes.position() + count))
            bytes.flip()
            bytes = larger.put(bytes)
        }
        return bytes
    }

    fun number(number: Long) = apply { room(8).putLong(number) }

    fun flag(flag: Boolean) = apply { room(1).put(if (flag) 1 else 0) }

    fun text(text: String) = bytes(text.encodeToByteArray())

    fun bytes(given: ByteArray) = apply {
        number(given.size.toLong())
        room(given.size).put(given)
    }

    fun <T : Any> maybe(value: T?, write: Writer.(T) -> Unit) = apply {
        flag(value != null)
        value?.let { write(it) }
    }

    inline fun <T> list(values: Collection<T>, write: Writer.(T) -> Unit) = apply {
        number(values.size.toLong())
        for (value in values) write(value)
    }

    fun payload(payload: Payload) = flag(payload.isText).bytes(payload.bytes)

    fun options(options: SendOptions) =
        maybe(options.ttlMs) { number(it) }.maybe(options.priority) { text(it) }.maybe(options.key) { text(it) }

    /** A setting's value: what `Value` of `everwire-bind` can be. */
    fun value(value: Any?): Writer = when (value) {
        null -> tag(0)
        is Boolean -> tag(1).flag(value)
        is Number -> tag(2).number(value.toDouble().toRawBits())
        is String -> tag(3).text(value)
        is ByteArray -> tag(4).bytes(value)
        is List<*> -> tag(5).list(value) { value(it) }
        is Map<*, *> -> tag(6).list(value.entries) { (name, of) -> text("$name").text("$of") }
        else -> error("a setting can't be a ${value::class}")
    }

    private fun tag(tag: Int) = apply { room(1).put(tag.toByte()) }

    fun toByteArray(): ByteArray = bytes.array().copyOf(bytes.position())
}

/** Reads what `native/src/codec.rs` has written. */
internal class Reader(private val array: ByteArray) {
    private val bytes = ByteBuffer.wrap(array)

    /** @throws NativeException what is in it instead of an answer */
    fun answered() = apply {
        val kind = bytes.get().toInt()
        if (kind != 0) throw NativeException(NativeException.Kind.entries[kind - 1], text())
    }

    fun number(): Long = bytes.getLong()

    fun tag(): Int = bytes.get().toInt()

    fun flag(): Boolean = bytes.get() != 0.toByte()

    fun text(): String {
        val size = number().toInt()
        return String(array, bytes.position(), size, Charsets.UTF_8).also { bytes.position(bytes.position() + size) }
    }

    fun bytes(): ByteArray = ByteArray(number().toInt()).also { bytes.get(it) }

    inline fun <T> maybe(read: Reader.() -> T): T? = if (flag()) read() else null

    inline fun <T> list(read: Reader.() -> T): List<T> = List(number().toInt()) { read() }

    fun code(): Int? = maybe { number().toInt() }
}
