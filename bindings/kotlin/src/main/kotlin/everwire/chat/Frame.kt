package everwire.chat

import everwire.chat.ChatMessage.MessageStatus
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.decodeFromJsonElement

/** What the server says: plain messages and the extensions of `docs/chat-format.md`. */
internal sealed class Frame {
    data class Chat(val message: ChatMessage) : Frame()

    @Serializable
    data class Sync(
        val epoch: String,
        val offset: Long,
        val earlier: Boolean = false,
        val users: List<Present> = emptyList(),
    ) : Frame()

    @Serializable
    data class Stored(val id: String, val offset: Long? = null) : Frame()

    @Serializable
    data class Rejected(val id: String, val reason: String = "") : Frame()

    @Serializable
    data class Status(val id: String, val status: MessageStatus) : Frame()

    @Serializable
    data class Receipt(val delivered: Long = 0, val read: Long = 0) : Frame()

    @Serializable
    data class History(val messages: List<ChatMessage.TextMessage> = emptyList(), val more: Boolean = false) : Frame()
}

/** A user who is here. */
@Serializable
internal data class Present(val userId: String, val userName: String)

/** The frames of one text message: an object, or an array of them. What is no chat, or not known, is ignored. */
internal fun parse(text: String): List<Frame> {
    val element = try {
        chatJson.parseToJsonElement(text)
    } catch (_: SerializationException) {
        return emptyList()
    }
    return if (element is JsonArray) element.mapNotNull(::frame) else listOfNotNull(frame(element))
}

private fun frame(element: JsonElement): Frame? {
    val type = ((element as? JsonObject)?.get("type") as? JsonPrimitive)?.contentOrNull
    return try {
        when (type) {
            "text", "typing", "user_joined", "user_left" -> Frame.Chat(chatJson.decodeFromJsonElement(ChatMessage.serializer(), element))
            "sync" -> chatJson.decodeFromJsonElement<Frame.Sync>(element)
            "stored" -> chatJson.decodeFromJsonElement<Frame.Stored>(element)
            "rejected" -> chatJson.decodeFromJsonElement<Frame.Rejected>(element)
            "status" -> chatJson.decodeFromJsonElement<Frame.Status>(element)
            "receipt" -> chatJson.decodeFromJsonElement<Frame.Receipt>(element)
            "history" -> chatJson.decodeFromJsonElement<Frame.History>(element)
            else -> null
        }
    } catch (_: IllegalArgumentException) {
        // SerializationException is one: a field is missing, or of another type.
        null
    }
}
