package everwire

import everwire.internal.Payload
import okio.ByteString
import okio.ByteString.Companion.toByteString

/** What was received: a text or bytes. */
public sealed class Message {
    /** UTF-8 text. */
    public data class Text(val text: String) : Message()

    /** Bytes. */
    public data class Binary(val bytes: ByteString) : Message()
}

internal fun String.toPayload(): Payload = Payload(encodeToByteArray(), isText = true)

internal fun ByteString.toPayload(): Payload = Payload(toByteArray(), isText = false)

internal fun Payload.toMessage(): Message = if (isText) Message.Text(bytes.decodeToString()) else Message.Binary(bytes.toByteString())

/** What was still in the outbox when a client had ended. Both are empty if all went well. */
public data class Undelivered(
    /** Never wholly handed to a socket, in order: they have certainly not arrived. */
    val unsent: List<Message>,
    /** Written, in order, and nothing proves their arrival. */
    val unacknowledged: List<Message>,
)

/** A message that an earlier client with the same [Config.outboxFile][WebSocketClient.Config.outboxFile] has left; it is sent by itself. */
public data class Recovered(
    /** Its number. */
    val id: Long,
    /** What it carries. */
    val message: Message,
)
