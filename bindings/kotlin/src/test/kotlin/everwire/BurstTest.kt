package everwire

import everwire.internal.Burst
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class BurstTest {
    private val micros = 1_000L

    @Test
    fun `messages right behind each other are gathered once some are on their way`() {
        val burst = Burst()
        assertFalse(burst.continuesAt(0, open = 100), "the first one")
        burst.acceptedAt(0)
        assertFalse(burst.continuesAt(2 * micros, open = 3))
        assertTrue(burst.continuesAt(2 * micros, open = 4))
    }

    @Test
    fun `a message that follows an answer goes out by itself, whatever has no outcome yet`() {
        val burst = Burst()
        for (turn in 0L..100L) {
            // The quickest round trip over the loopback interface.
            val now = turn * 25 * micros
            assertFalse(burst.continuesAt(now, open = 1_000), "turn $turn")
            burst.acceptedAt(now)
        }
    }
}
