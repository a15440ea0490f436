package everwire.java;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import everwire.EchoServer;
import everwire.Listener;
import everwire.Outcome;
import everwire.SettingException;
import everwire.Undelivered;
import everwire.WebSocketClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The same jar, from Java 17. */
class JavaTest {
    @Test
    void futuresAndListenersNeedNoKotlin() throws Exception {
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (EchoServer server = new EchoServer(null)) {
            WebSocketClient client = WebSocketClient.builder(server.getUrl())
                .reconnectDelayMs(20, 50)
                .heartbeatMs(1_000, 1_000)
                .onOpen(connection -> {
                    connection.send("login");
                    connection.receive();
                })
                .listener(new Listener() {
                    @Override
                    public void onText(WebSocketClient from, String text) {
                        told.add(text);
                    }

                    @Override
                    public void onState(WebSocketClient from, WebSocketClient.State state) {
                        if (state instanceof WebSocketClient.State.Connected) {
                            told.add("connected");
                        }
                    }
                })
                .build();
            client.connect();
            assertEquals("connected", told.poll(20, TimeUnit.SECONDS));
            List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
            for (int number = 0; number < 3; number++) {
                outcomes.add(client.deliverAsync("message " + number));
            }
            for (int number = 0; number < 3; number++) {
                assertEquals(Outcome.Kind.RECEIVED, outcomes.get(number).get(20, TimeUnit.SECONDS).getKind());
                assertEquals("message " + number, told.poll(20, TimeUnit.SECONDS));
            }
            Undelivered undelivered = client.finishAsync(Duration.ofSeconds(5)).get(20, TimeUnit.SECONDS);
            assertTrue(undelivered.getUnsent().isEmpty() && undelivered.getUnacknowledged().isEmpty());
        }
    }

    @Test
    void aWrongSettingIsAnExceptionThatNamesIt() {
        SettingException wrong = assertThrows(
            SettingException.class, () -> WebSocketClient.builder("ws://127.0.0.1:9/").heartbeatMs(1_000, 0).build());
        assertEquals("heartbeatTimeoutMs is 0: it must be at least 1", wrong.getMessage());
    }
}
