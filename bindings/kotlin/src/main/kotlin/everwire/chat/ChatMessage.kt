package everwire.chat

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json

/** What a chat's timeline is made of, and what goes over the wire: see `docs/chat-format.md`. */
@Serializable
public sealed class ChatMessage {
    /** Unique; chosen by the sender. */
    public abstract val id: String

    /** The sender's clock, in milliseconds since the Unix epoch. */
    public abstract val timestamp: Long

    /**
     * Something that was said.
     *
     * @property status how far it has come; of others' messages always [MessageStatus.SENT]
     * @property offset its place in the room from 1; `null` until the server has said it
     */
    @Serializable
    @SerialName("text")
    public data class TextMessage(
        override val id: String,
        val userId: String,
        val userName: String,
        val text: String,
        override val timestamp: Long,
        val status: MessageStatus = MessageStatus.SENT,
        val offset: Long? = null,
    ) : ChatMessage()

    /** Whether somebody is writing. */
    @Serializable
    @SerialName("typing")
    public data class TypingIndicator(
        override val id: String,
        val userId: String,
        val userName: String,
        val isTyping: Boolean,
        override val timestamp: Long,
    ) : ChatMessage()

    /** Somebody came. */
    @Serializable
    @SerialName("user_joined")
    public data class UserJoined(
        override val id: String,
        val userId: String,
        val userName: String,
        override val timestamp: Long,
    ) : ChatMessage()

    /** Somebody left. */
    @Serializable
    @SerialName("user_left")
    public data class UserLeft(
        override val id: String,
        val userId: String,
        val userName: String,
        override val timestamp: Long,
    ) : ChatMessage()

    /** How far a message has come. It moves only forward; a failed one can be sent again. */
    @Serializable
    public enum class MessageStatus {
        /** It waits, or is on its way. */
        SENDING,

        /** The server has stored it. */
        SENT,

        /** Another user's client has it. */
        DELIVERED,

        /** Another user has seen it. */
        READ,

        /** Nothing proves that it was stored. [ChatClient.retrySendMessage] sends it again with its id, so that it is stored once. */
        FAILED,
    }
}

/** As the chat's format has it: unknown fields are ignored, `type` says which message it is. */
internal val chatJson = Json {
    ignoreUnknownKeys = true
    classDiscriminator = "type"
    explicitNulls = false
}
