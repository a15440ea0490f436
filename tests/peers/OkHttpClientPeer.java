// A client written with OkHttp, with the commands of client.mjs. Arguments: the URL, and the milliseconds between its own pings.
// OkHttp can't send a single ping and does not report pongs: when one is missing, it fails the connection.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;

public class OkHttpClientPeer extends WebSocketListener {
  private static volatile Object sentLast;

  public static void main(String[] args) throws Exception {
    OkHttpClient client = new OkHttpClient.Builder()
        .pingInterval(Long.parseLong(args[1]), TimeUnit.MILLISECONDS)
        .readTimeout(0, TimeUnit.MILLISECONDS)
        .build();
    String http = args[0].replaceFirst("^ws", "http");
    WebSocket socket = client.newWebSocket(new Request.Builder().url(http).build(), new OkHttpClientPeer());
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      String[] words = line.split(" ", 3);
      String argument = line.substring(Math.min(line.length(), words[0].length() + 1));
      switch (words[0]) {
        case "text": send(socket, argument); break;
        case "binary": send(socket, ByteString.decodeHex(argument)); break;
        case "large":
          String text = large(Integer.parseInt(words[2]));
          send(socket, words[1].equals("text") ? text : ByteString.encodeUtf8(text));
          break;
        case "close": socket.close(Integer.parseInt(words[1]), words.length > 2 ? words[2] : ""); break;
        default: throw new IllegalArgumentException(line);
      }
    }
    System.exit(0);
  }

  private static void send(WebSocket socket, Object message) {
    sentLast = message;
    boolean taken = message instanceof String ? socket.send((String) message) : socket.send((ByteString) message);
    if (!taken) say("\"event\":\"error\",\"message\":\"the message was not taken\"");
  }

  private static String large(int length) {
    StringBuilder text = new StringBuilder();
    for (int number = 0; text.length() < length; number++) text.append(number).append(' ');
    return text.substring(0, length);
  }

  private static synchronized void say(String facts) {
    byte[] line = ("{" + facts + "}\n").getBytes(StandardCharsets.UTF_8);
    System.out.write(line, 0, line.length);
    System.out.flush();
  }

  private static String quoted(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }

  @Override public void onOpen(WebSocket socket, Response response) {
    say("\"event\":\"open\",\"extensions\":" + quoted(response.header("Sec-WebSocket-Extensions", "")));
  }

  @Override public void onMessage(WebSocket socket, String text) {
    if (text.length() > 1000) large("text", text.length(), text.equals(sentLast));
    else say("\"event\":\"text\",\"text\":" + quoted(text));
  }

  @Override public void onMessage(WebSocket socket, ByteString bytes) {
    if (bytes.size() > 1000) large("binary", bytes.size(), bytes.equals(sentLast));
    else say("\"event\":\"binary\",\"hex\":" + quoted(bytes.hex()));
  }

  private static void large(String kind, int length, boolean same) {
    say("\"event\":\"large\",\"kind\":" + quoted(kind) + ",\"length\":" + length + ",\"same\":" + same);
  }

  @Override public void onClosing(WebSocket socket, int code, String reason) {
    socket.close(code, reason);
  }

  @Override public void onClosed(WebSocket socket, int code, String reason) {
    say("\"event\":\"close\",\"code\":" + code + ",\"reason\":" + quoted(reason));
    System.exit(0);
  }

  @Override public void onFailure(WebSocket socket, Throwable error, Response response) {
    say("\"event\":\"error\",\"message\":" + quoted(String.valueOf(error)));
    System.exit(1);
  }
}
