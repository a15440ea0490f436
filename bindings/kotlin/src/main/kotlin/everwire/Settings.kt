package everwire

import okhttp3.OkHttpClient
import okhttp3.Request
import okio.ByteString.Companion.encodeUtf8
import java.net.InetSocketAddress
import java.net.Proxy
import javax.net.SocketFactory

/** What the native client is given. Both have the same names where they mean the same. */
internal fun WebSocketClient.Config.toSettings(
    url: String,
    okHttpClient: OkHttpClient?,
    asksBeforeAttempt: Boolean,
    asksOnOpen: Boolean,
): Map<String, Any?> {
    okHttpClient?.let(::checkTls)
    return mapOf(
        "urls" to listOf(url) + addresses,
        "headers" to headers,
        "subprotocols" to subprotocols,
        "connect_on_start" to false,
        "connect_timeout_ms" to positive("connectionTimeoutMs", connectionTimeoutMs),
        "retry_initial_delay_ms" to positive("initialReconnectDelayMs", initialReconnectDelayMs),
        "retry_max_delay_ms" to positive("maxReconnectDelayMs", maxReconnectDelayMs),
        "retry_factor" to reconnectDelayFactor,
        "retry_max_attempts" to if (maxReconnectAttempts == Int.MAX_VALUE) null else positive("maxReconnectAttempts", maxReconnectAttempts.toLong()),
        "retry_on" to retryOn.map { code(it, "retryOn") },
        "stop_on" to stopOn.map { code(it, "stopOn") },
        "reconnect_on_normal_close" to reconnectOnNormalClose,
        "heartbeat_interval_ms" to if (heartbeatIntervalMs == 0L) null else positive("heartbeatIntervalMs", heartbeatIntervalMs),
        "heartbeat_timeout_ms" to positive("heartbeatTimeoutMs", heartbeatTimeoutMs),
        "text_ping" to textPing,
        "text_pong" to textPong,
        "outbox_messages" to positive("outboxMessages", outboxMessages.toLong()),
        "outbox_bytes" to positive("outboxBytes", outboxBytes),
        "outbox_file" to outboxFile,
        "guarantee" to guarantee.name.lowercase(),
        "send_rate_per_second" to sendRatePerSecond,
        "session" to session.name.lowercase(),
        "inbox_messages" to positive("inboxMessages", inboxMessages.toLong()),
        "max_message_bytes" to positive("maxMessageBytes", maxMessageBytes),
        "ask_on_open" to asksOnOpen,
        "ask_before_attempt" to asksBeforeAttempt,
        "proxy" to (proxy ?: okHttpClient?.proxy?.let(::urlOf)),
        "compression" to compression,
        "root_certificates" to rootCertificates,
        "pins" to pins,
    )
}

/** Connections are not OkHttp's: what makes its own safer, or possible at all, must not be missed without a word. */
private fun checkTls(client: OkHttpClient) {
    fun refuse(what: String, instead: String): Nothing =
        throw SettingException("okHttpClient: its $what would not be used, since connections are not OkHttp's; $instead, and a client without it")
    val plain = OkHttpClient()
    when {
        client.certificatePinner.pins.isNotEmpty() -> refuse("certificatePinner", "give its pins as Config.pins")
        client.hostnameVerifier !== plain.hostnameVerifier -> refuse("hostnameVerifier", "give Config.pins or Config.rootCertificates")
        client.socketFactory !== SocketFactory.getDefault() -> refuse("socketFactory", "give Config.proxy")
        !trustsTheSame(client, plain) -> refuse("sslSocketFactory and trust manager", "give its roots as Config.rootCertificates")
    }
}

private fun trustsTheSame(client: OkHttpClient, plain: OkHttpClient): Boolean {
    val (theirs, usual) = (client.x509TrustManager ?: return true) to (plain.x509TrustManager ?: return true)
    return theirs.javaClass == usual.javaClass && theirs.acceptedIssuers.toSet() == usual.acceptedIssuers.toSet()
}

private fun positive(name: String, value: Long): Long {
    if (value <= 0) throw SettingException("$name is $value: it must be at least 1")
    return value
}

private fun code(code: Int, name: String): Int {
    if (code !in 100..4999) throw SettingException("$name: $code is neither an HTTP status (100 to 599) nor a close code (1000 to 4999)")
    return code
}

private fun urlOf(proxy: Proxy): String {
    val address = proxy.address() as? InetSocketAddress ?: return "none"
    return when (proxy.type()) {
        Proxy.Type.SOCKS -> "socks5h://${address.hostString}:${address.port}"
        else -> "http://${address.hostString}:${address.port}"
    }
}

/** `null`: nothing is special about it. */
internal fun SendOptions.toNative(): everwire.internal.SendOptions? {
    if (ttlMs == null && priority == Priority.NORMAL && key == null) return null
    return everwire.internal.SendOptions(ttlMs?.let { positive("ttlMs", it) }, priority.name.lowercase(), key)
}

/** OkHttp's requests have `http` URLs. */
internal fun okHttpRequest(url: String): Request = Request.Builder().url(url).build()

/** The rules of OkHttp's `WebSocket.close`. */
internal fun checkClose(code: Int, reason: String?) {
    require(code == 1000 || code in 3000..4999) { "close code $code: an application may send 1000 and 3000 to 4999" }
    require(reason == null || reason.encodeUtf8().size <= 123) { "the reason has more than 123 bytes" }
}
