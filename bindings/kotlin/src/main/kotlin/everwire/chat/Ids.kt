package everwire.chat

import java.security.SecureRandom
import java.util.UUID

private val random = SecureRandom()

/** A UUIDv7 (RFC 9562 section 5.7): unique, and in the order of time. */
internal fun newId(now: Long = System.currentTimeMillis()): String {
    val high = (now shl 16) or 0x7000L or (random.nextLong() and 0x0FFFL)
    val low = (random.nextLong() and 0x3FFF_FFFF_FFFF_FFFFL) or Long.MIN_VALUE
    return UUID(high, low).toString()
}
