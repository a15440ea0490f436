package everwire.chat

import everwire.chat.ChatMessage.MessageStatus
import everwire.chat.ChatMessage.TextMessage

/**
 * The lines of a room, oldest first: stored texts by their place in the room, own ones that are not stored yet at the end. Knows each by
 * its id, so that nothing shows twice. Not synchronised: its owner is.
 */
internal class Timeline(private val limit: Int) {
    private val lines = ArrayList<ChatMessage>()
    private val texts = HashMap<String, TextMessage>()

    fun snapshot(): List<ChatMessage> = ArrayList(lines)

    /** The place of the oldest stored line. */
    fun oldest(): Long? = lines.firstNotNullOfOrNull { (it as? TextMessage)?.offset }

    fun text(id: String): TextMessage? = texts[id]

    /** A line that is new, or says more of one that is known. Whether anything changed. */
    fun add(message: ChatMessage): Boolean {
        if (message !is TextMessage) {
            if (message !is ChatMessage.TypingIndicator) insert(message)
            return message !is ChatMessage.TypingIndicator
        }
        val known = texts[message.id]
        if (known != null) return place(known.id, message.offset)
        texts[message.id] = message
        insert(message)
        return true
    }

    /** An own message is stored, and where. */
    fun place(id: String, offset: Long?): Boolean {
        val known = texts[id] ?: return false
        val status = if (known.status < MessageStatus.SENT || known.status == MessageStatus.FAILED) MessageStatus.SENT else known.status
        val news = known.copy(offset = known.offset ?: offset, status = status)
        if (news == known) return false
        replace(known, news, moves = known.offset == null && offset != null)
        return true
    }

    /** Statuses move only forward; a message fails only before it is stored. */
    fun status(id: String, status: MessageStatus): Boolean {
        val known = texts[id] ?: return false
        val allowed = when (status) {
            MessageStatus.FAILED -> known.status == MessageStatus.SENDING
            MessageStatus.SENDING -> known.status == MessageStatus.FAILED
            else -> known.status == MessageStatus.FAILED || status > known.status
        }
        if (!allowed) return false
        replace(known, known.copy(status = status), moves = false)
        return true
    }

    /** How far others have the room's messages, for those of this user. */
    fun receipt(userId: String, delivered: Long, read: Long): Boolean {
        var changed = false
        for (text in texts.values.toList()) {
            val offset = text.offset
            if (text.userId != userId || offset == null) continue
            if (offset <= read) changed = status(text.id, MessageStatus.READ) || changed
            if (offset <= delivered) changed = status(text.id, MessageStatus.DELIVERED) || changed
        }
        return changed
    }

    private fun replace(known: TextMessage, news: TextMessage, moves: Boolean) {
        texts[news.id] = news
        val at = lines.lastIndexOf(known)
        if (at < 0) return
        if (!moves) {
            lines[at] = news
            return
        }
        lines.removeAt(at)
        insert(news)
    }

    private fun insert(message: ChatMessage) {
        val offset = (message as? TextMessage)?.offset
        var at = lines.size
        if (offset != null) {
            // Before what is not stored yet, and behind what was stored earlier.
            while (at > 0 && comesLater(lines[at - 1], offset)) at--
        }
        lines.add(at, message)
        while (lines.size > limit) {
            val oldest = lines.removeAt(0)
            if (oldest is TextMessage) texts.remove(oldest.id)
        }
    }

    private fun comesLater(line: ChatMessage, offset: Long): Boolean =
        line is TextMessage && line.offset.let { it == null || it > offset }
}
