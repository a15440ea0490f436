#!/usr/bin/env bash
# paho-mqtt 2.2.0 over WebSockets answers a ping with a pong that is not masked, and strict servers hang up.
#
# RFC 6455 section 5.1: a client masks all its frames, and a server closes the connection when one is not. paho-mqtt, the most used
# MQTT client of Python, masks its MQTT packets but not its pongs. Brokers that never ping (mosquitto) work; behind a server or
# gateway that pings, every client is cut off at the first ping, with a protocol error, and reconnects for ever.
#
# Seen on 2026-11-30 with paho-mqtt 2.2.0 and websockets 17.4, which pings every second here (20 s by default):
#   the answer to a ping "hi": 8a026869 (a masked one would begin with 8a82)
#   a server by websockets: close 1002 incorrect masking, 1.0 s after the client connected
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paho-mqtt==2.2.0 websockets==17.4 || cannot "PyPI does not give paho-mqtt==2.2.0 websockets==17.4"
cat > "$folder/try.py" <<'END'
import asyncio, base64, hashlib, socket, sys, threading, time
import paho.mqtt.client as mqtt
from websockets.asyncio.server import serve

CONNACK = b"\x20\x02\x00\x00"

def client(port):
    paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets", client_id="one")
    paho.connect("127.0.0.1", port)
    paho.loop_start()
    return paho

def raw(listener, answer):
    s, _ = listener.accept()
    head = b""
    while b"\r\n\r\n" not in head: head += s.recv(4096)
    key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
              + b"\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")
    s.recv(4096)
    s.sendall(b"\x82\x04" + CONNACK)
    time.sleep(0.3)
    s.sendall(b"\x89\x02hi")
    s.settimeout(3)
    answer.append(s.recv(100))
    s.close()

listener, answer = socket.socket(), []
listener.bind(("127.0.0.1", 0))
listener.listen()
peer = threading.Thread(target=raw, args=(listener, answer))
peer.start()
paho = client(listener.getsockname()[1])
peer.join(8)
paho.loop_stop()
print('the answer to a ping "hi":', answer[0].hex(), "(a masked one would begin with 8a82)")

ends = []

async def broker(socket):
    started = time.monotonic()
    await socket.recv()
    await socket.send(CONNACK)
    await socket.wait_closed()
    sent = socket.protocol.close_sent
    if not ends: ends.append((sent.code if sent else None, sent.reason if sent else "", round(time.monotonic() - started, 1)))

async def main():
    async with serve(broker, "127.0.0.1", 0, subprotocols=["mqtt"], ping_interval=1) as server:
        paho = await asyncio.to_thread(client, server.sockets[0].getsockname()[1])
        for _ in range(80):
            if ends: break
            await asyncio.sleep(0.1)
        await asyncio.to_thread(paho.loop_stop)

asyncio.run(main())
print("a server by websockets:", *(f"close {code} {reason}, {after} s after the client connected" for code, reason, after in ends))
as_described = answer[0] == b"\x8a\x02hi" and bool(ends) and ends[0][0] == 1002
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END

"$folder/venv/bin/python" "$folder/try.py"
