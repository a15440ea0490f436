#!/usr/bin/env bash
# Jetty 9.4.58 does for server_no_context_takeover what the client asked with client_no_context_takeover, and the reverse.
#
# Both parameters are accepted by name, and then applied to the wrong direction (RFC 7692 sections 7.1.1.1 and 7.1.1.2). A client
# that offers server_no_context_takeover (it wants no memory for the server's window) and keeps a context of its own, as it may,
# is closed with 1007 at its second compressed message, "invalid distance too far back": Jetty has forgotten the client's context. One that
# offers client_no_context_takeover is sent messages that need no context. The close code blames the client's data.
#
# Seen on 2026-11-30 with Jetty 9.4.58.v20250814 (Maven Central), OpenJDK 17:
#   server_no_context_takeover, the client keeps its context: echo, then close 1007 'java.util.zip.DataFormatException: invalid distance too far back'
#   client_no_context_takeover: the server's second message needs no context: True
#   neither parameter: the server's second message needs no context: False
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v mvn > /dev/null && command -v java > /dev/null || cannot "a JDK (11 or newer) and Maven are needed"
cat > "$folder/pom.xml" <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.eclipse.jetty.websocket</groupId><artifactId>websocket-server</artifactId><version>9.4.58.v20250814</version>
  </dependency></dependencies>
</project>
END
mvn --quiet --batch-mode --file "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/jars" > "$folder/log" 2>&1 ||
    cannot "Maven Central does not give Jetty 9.4.58.v20250814"
cat > "$folder/Echo.java" <<'END'
import org.eclipse.jetty.server.*;
import org.eclipse.jetty.websocket.api.WebSocketAdapter;
import org.eclipse.jetty.websocket.server.WebSocketHandler;
import org.eclipse.jetty.websocket.servlet.WebSocketServletFactory;

public class Echo {
    public static class Socket extends WebSocketAdapter {
        @Override public void onWebSocketText(String text) {
            try { getRemote().sendString(text); } catch (java.io.IOException error) { throw new java.io.UncheckedIOException(error); }
        }
    }

    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(args[0]));
        server.addConnector(connector);
        server.setHandler(new WebSocketHandler() {
            @Override public void configure(WebSocketServletFactory factory) { factory.register(Socket.class); }
        });
        server.start();
        server.join();
    }
}
END
cat > "$folder/try.py" <<'END'
import base64, os, socket, struct, sys, time

def connect(port, path="/", fields=""):
    """A connection after the opening handshake, and the head of the answer."""
    s = socket.create_connection(("127.0.0.1", port), 5)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = s.recv(1)
        if not byte: raise SystemExit(f"no answer to the request: {head!r}")
        head += byte
    return s, head.decode()

def frame(op, data=b"", fin=True, rsv1=False):
    mask, n = os.urandom(4), len(data)
    length = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)
    return bytes([op | 0x80 * fin | 0x40 * rsv1]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

def frames(s, seconds, most=10**9):
    """What comes within so many seconds: (seconds, kind, payload); at the end of the stream (seconds, "end", b"")."""
    start, buffer, seen = time.monotonic(), b"", []
    while len(seen) < most and (left := start + seconds - time.monotonic()) > 0:
        s.settimeout(left)
        try: data = s.recv(1 << 16)
        except socket.timeout: break
        except ConnectionError: data = b""
        now = round(time.monotonic() - start, 1)
        if not data: return seen + [(now, "end", b"")]
        buffer += data
        while len(buffer) >= 2:
            n, at = buffer[1] & 127, 2
            if n == 126: n, at = struct.unpack(">H", buffer[2:4])[0], 4
            if len(buffer) < at + n: break
            kind = NAMES[buffer[0] & 15]
            seen.append((now, kind, buffer[at:at + n])); buffer = buffer[at + n:]
    return seen

def words(seen):
    told = []
    for at, kind, data in seen:
        if kind == "close": data = f"{struct.unpack('>H', data[:2])[0]} {data[2:].decode()!r}" if data else "without a code"
        told.append(f"{at} s: {kind}" + (f" {data}" if data else ""))
    return "; ".join(told) or "nothing"

def kinds(seen):
    return [kind for _, kind, _ in seen]

def wait(port):
    for _ in range(400):
        try: return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError: time.sleep(0.05)
    raise SystemExit("the server does not listen")

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def verdict(as_described):
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)

import subprocess, zlib
port, folder = free(), sys.argv[1]
jetty = subprocess.Popen(["java", "-cp", f"{folder}/jars/*", f"{folder}/Echo.java", str(port)], stderr=subprocess.DEVNULL)

def two_messages(offer):
    """What comes back for the same compressed text twice; our context is kept, which no offer here forbids us."""
    s, head = connect(port, fields=f"Sec-WebSocket-Extensions: permessage-deflate{offer}\r\n")
    assert offer.strip("; ") in head, head
    deflate, seen = zlib.compressobj(wbits=-15), []
    for _ in range(2):
        data = deflate.compress(b"hello hello hello hello") + deflate.flush(zlib.Z_SYNC_FLUSH)
        s.sendall(frame(1, data[:-4], rsv1=True))
        seen += frames(s, 5, most=1)
    return seen

def alone(data):
    try: return bool(zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff"))
    except zlib.error: return False

try:
    for _ in range(5):
        try: wait(port); break
        except SystemExit: pass
    server = two_messages("; server_no_context_takeover")
    (_, first, _), (_, second, why) = server[0], server[1]
    print("server_no_context_takeover, the client keeps its context:", f"{'echo' if first == 'text' else first}, then", words(server[1:2]).split(": ", 1)[1])
    # Of client_no_context_takeover only the server's part is looked at: the client sends one message.
    s, head = connect(port, fields="Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n")
    told = []
    for _ in range(2):
        deflate = zlib.compressobj(wbits=-15)
        data = deflate.compress(b"hello hello hello hello") + deflate.flush(zlib.Z_SYNC_FLUSH)
        s.sendall(frame(1, data[:-4], rsv1=True))
        told += frames(s, 5, most=1)
    client = alone(told[1][2])
    print("client_no_context_takeover: the server's second message needs no context:", client)
    neither = alone(two_messages("")[1][2])
    print("neither parameter: the server's second message needs no context:", neither)
    verdict((first, second) == ("text", "close") and why[:2] == b"\x03\xef" and client and not neither)
finally:
    jetty.kill()
END

python3 "$folder/try.py" "$folder"
