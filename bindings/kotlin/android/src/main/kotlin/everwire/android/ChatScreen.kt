// Not built here: see README.md.
package everwire.android

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.imePadding
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.shape.RoundedCornerShape
import androidx.compose.material.icons.Icons
import androidx.compose.material.icons.automirrored.filled.Send
import androidx.compose.material.icons.filled.Done
import androidx.compose.material.icons.filled.DoneAll
import androidx.compose.material.icons.filled.Error
import androidx.compose.material.icons.filled.Schedule
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.Icon
import androidx.compose.material3.IconButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextField
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.unit.dp
import androidx.lifecycle.compose.LifecycleStartEffect
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import everwire.chat.ChatClient
import everwire.chat.ChatClient.ConnectionState
import everwire.chat.ChatMessage
import everwire.chat.ChatMessage.MessageStatus
import kotlinx.coroutines.delay
import java.time.Instant
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import java.time.format.FormatStyle

private val CONNECTED = Color(0xFF2E7D32)
private val CONNECTING = Color(0xFFF9A825)
private val READ = Color(0xFF1E88E5)
private const val TYPING_IDLE_MS = 2_000L

/** A chat: connects while it is shown, and disconnects when it is left. The client outlives it, so that what waits is kept. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
public fun ChatScreen(chat: ChatClient, userId: String, modifier: Modifier = Modifier) {
    val messages by chat.messages.collectAsStateWithLifecycle()
    val connection by chat.connectionState.collectAsStateWithLifecycle()
    val typing by chat.typing.collectAsStateWithLifecycle()

    LifecycleStartEffect(chat) {
        chat.connect()
        onStopOrDispose { chat.disconnect() }
    }
    // The newest line is on the screen: whoever wrote what stands above it hears so.
    LaunchedEffect(messages.lastOrNull()?.id) {
        messages.lastOrNull { it is ChatMessage.TextMessage && it.userId != userId }?.let { chat.markRead(it.id) }
    }

    Scaffold(
        modifier = modifier,
        topBar = { TopAppBar(title = { Title(connection, typing.values.toList()) }) },
    ) { padding ->
        Column(Modifier.fillMaxSize().padding(padding).imePadding()) {
            LazyColumn(Modifier.weight(1f).fillMaxWidth(), reverseLayout = true) {
                items(messages.asReversed(), key = { it.id }) { message -> Line(message, userId, chat::retrySendMessage) }
            }
            Input(onSend = chat::sendMessage, onTyping = chat::sendTypingIndicator)
        }
    }
}

@Composable
private fun Title(connection: ConnectionState, typing: List<String>) {
    val (words, color) = when (connection) {
        is ConnectionState.Connected -> "Connected" to CONNECTED
        is ConnectionState.Connecting -> "Connecting…" to CONNECTING
        is ConnectionState.Disconnected -> "Disconnected" to MaterialTheme.colorScheme.error
        is ConnectionState.Error -> "Disconnected: ${connection.message}" to MaterialTheme.colorScheme.error
    }
    Column {
        Text("Chat")
        if (typing.isEmpty()) {
            Text(words, color = color, style = MaterialTheme.typography.bodySmall, maxLines = 1)
        } else {
            Text("${typing.joinToString()} …", style = MaterialTheme.typography.bodySmall, maxLines = 1)
        }
    }
}

@Composable
private fun Line(message: ChatMessage, userId: String, retry: (String) -> Unit) {
    when (message) {
        is ChatMessage.TextMessage -> Bubble(message, own = message.userId == userId, retry)
        is ChatMessage.UserJoined -> SystemLine("${message.userName} joined")
        is ChatMessage.UserLeft -> SystemLine("${message.userName} left")
        is ChatMessage.TypingIndicator -> {}
    }
}

@Composable
private fun Bubble(message: ChatMessage.TextMessage, own: Boolean, retry: (String) -> Unit) {
    Row(Modifier.fillMaxWidth().padding(8.dp), horizontalArrangement = if (own) Arrangement.End else Arrangement.Start) {
        Surface(
            shape = RoundedCornerShape(12.dp),
            color = if (own) MaterialTheme.colorScheme.primaryContainer else MaterialTheme.colorScheme.surfaceVariant,
            modifier = Modifier.widthIn(max = 320.dp),
            onClick = { if (own && message.status == MessageStatus.FAILED) retry(message.id) },
        ) {
            Column(Modifier.padding(12.dp)) {
                if (!own) Text(message.userName, style = MaterialTheme.typography.labelSmall, fontWeight = FontWeight.Bold)
                Text(message.text)
                Row(Modifier.align(Alignment.End), verticalAlignment = Alignment.CenterVertically) {
                    Text(time(message.timestamp), style = MaterialTheme.typography.labelSmall)
                    if (own) StatusIcon(message.status)
                }
            }
        }
    }
}

@Composable
private fun StatusIcon(status: MessageStatus) {
    val grey = MaterialTheme.colorScheme.onSurfaceVariant
    val (icon, tint, words) = when (status) {
        MessageStatus.SENDING -> Triple(Icons.Default.Schedule, grey, "Sending")
        MessageStatus.SENT -> Triple(Icons.Default.Done, grey, "Sent")
        MessageStatus.DELIVERED -> Triple(Icons.Default.DoneAll, grey, "Delivered")
        MessageStatus.READ -> Triple(Icons.Default.DoneAll, READ, "Read")
        MessageStatus.FAILED -> Triple(Icons.Default.Error, MaterialTheme.colorScheme.error, "Failed; tap to try again")
    }
    Icon(icon, contentDescription = words, tint = tint, modifier = Modifier.padding(start = 4.dp).size(14.dp))
}

@Composable
private fun SystemLine(words: String) {
    Row(Modifier.fillMaxWidth().padding(4.dp), horizontalArrangement = Arrangement.Center) {
        Text(words, style = MaterialTheme.typography.labelMedium)
    }
}

@Composable
private fun Input(onSend: (String) -> Unit, onTyping: (Boolean) -> Unit) {
    var text by rememberSaveable { mutableStateOf("") }
    var typing by remember { mutableStateOf(false) }

    fun tell(now: Boolean) {
        if (now != typing) {
            typing = now
            onTyping(now)
        }
    }
    // On with the first character, off when the field is empty or nobody has typed for a while.
    LaunchedEffect(text) {
        tell(text.isNotEmpty())
        if (text.isNotEmpty()) {
            delay(TYPING_IDLE_MS)
            tell(false)
        }
    }
    Surface(tonalElevation = 3.dp) {
        Row(Modifier.padding(8.dp), verticalAlignment = Alignment.CenterVertically) {
            TextField(text, { text = it }, Modifier.weight(1f), placeholder = { Text("Message") }, maxLines = 4)
            IconButton(
                enabled = text.isNotBlank(),
                onClick = {
                    onSend(text.trim())
                    text = ""
                    tell(false)
                },
            ) {
                Icon(Icons.AutoMirrored.Default.Send, contentDescription = "Send")
            }
        }
    }
}

private val times = DateTimeFormatter.ofLocalizedTime(FormatStyle.SHORT)

private fun time(timestamp: Long): String = times.format(Instant.ofEpochMilli(timestamp).atZone(ZoneId.systemDefault()))
