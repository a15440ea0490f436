package everwire

import everwire.internal.Header
import everwire.internal.Jitter
import everwire.internal.SessionUse
import everwire.internal.Settings
import okhttp3.OkHttpClient
import okhttp3.Request
import okio.ByteString.Companion.encodeUtf8
import java.net.InetSocketAddress
import java.net.Proxy

/** What the native client is given. Both have the same names where they mean the same. */
internal fun WebSocketClient.Config.toSettings(
    url: String,
    okHttpClient: OkHttpClient?,
    asksBeforeAttempt: Boolean,
    asksOnOpen: Boolean,
): Settings {
    if (okHttpClient != null && okHttpClient.certificatePinner.pins.isNotEmpty()) {
        throw SettingException("okHttpClient: its certificate pins would not be checked; give them as Config.pins, and a client without them")
    }
    return NativeLibrary.defaults().copy(
        urls = listOf(url) + addresses,
        headers = headers.map { (name, value) -> Header(name, value) },
        subprotocols = subprotocols,
        connectOnStart = false,
        connectTimeoutMs = positive("connectionTimeoutMs", connectionTimeoutMs),
        retryInitialDelayMs = positive("initialReconnectDelayMs", initialReconnectDelayMs),
        retryMaxDelayMs = positive("maxReconnectDelayMs", maxReconnectDelayMs),
        retryFactor = reconnectDelayFactor,
        retryJitter = Jitter.FULL,
        retryMaxAttempts = if (maxReconnectAttempts == Int.MAX_VALUE) null else positive("maxReconnectAttempts", maxReconnectAttempts.toLong()).toUInt(),
        retryOn = retryOn.map { code(it, "retryOn") },
        stopOn = stopOn.map { code(it, "stopOn") },
        reconnectOnNormalClose = reconnectOnNormalClose,
        heartbeatIntervalMs = if (heartbeatIntervalMs == 0L) null else positive("heartbeatIntervalMs", heartbeatIntervalMs),
        heartbeatTimeoutMs = positive("heartbeatTimeoutMs", heartbeatTimeoutMs),
        textPing = textPing,
        textPong = textPong,
        outboxMessages = positive("outboxMessages", outboxMessages.toLong()),
        outboxBytes = positive("outboxBytes", outboxBytes),
        outboxFile = outboxFile,
        guarantee = everwire.internal.Guarantee.valueOf(guarantee.name),
        sendRatePerSecond = sendRatePerSecond,
        session = SessionUse.valueOf(session.name),
        inboxMessages = positive("inboxMessages", inboxMessages.toLong()),
        maxMessageBytes = positive("maxMessageBytes", maxMessageBytes),
        askOnOpen = asksOnOpen,
        askBeforeAttempt = asksBeforeAttempt,
        proxy = proxy ?: okHttpClient?.proxy?.let(::urlOf),
        compression = compression,
        rootCertificates = rootCertificates.map { it.encodeToByteArray() },
        pins = pins,
    )
}

private fun positive(name: String, value: Long): ULong {
    if (value <= 0) throw SettingException("$name is $value: it must be at least 1")
    return value.toULong()
}

private fun code(code: Int, name: String): UShort {
    if (code !in 100..4999) throw SettingException("$name: $code is neither an HTTP status (100 to 599) nor a close code (1000 to 4999)")
    return code.toUShort()
}

private fun urlOf(proxy: Proxy): String {
    val address = proxy.address() as? InetSocketAddress ?: return "none"
    return when (proxy.type()) {
        Proxy.Type.SOCKS -> "socks5h://${address.hostString}:${address.port}"
        else -> "http://${address.hostString}:${address.port}"
    }
}

internal fun SendOptions.toNative(): everwire.internal.SendOptions {
    if (ttlMs == null && priority == Priority.NORMAL && key == null) return NO_OPTIONS
    return everwire.internal.SendOptions(
        ttlMs?.let { positive("ttlMs", it) },
        everwire.internal.Priority.valueOf(priority.name),
        key,
    )
}

/** OkHttp's requests have `http` URLs. */
internal fun okHttpRequest(url: String): Request = Request.Builder().url(url).build()

/** The rules of OkHttp's `WebSocket.close`. */
internal fun checkClose(code: Int, reason: String?) {
    require(code == 1000 || code in 3000..4999) { "close code $code: an application may send 1000 and 3000 to 4999" }
    require(reason == null || reason.encodeUtf8().size <= 123) { "the reason has more than 123 bytes" }
}
