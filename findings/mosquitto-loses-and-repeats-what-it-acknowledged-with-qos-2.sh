#!/usr/bin/env bash
# A killed mosquitto 2.0.11 with "persistence true" loses acknowledged QoS 2 messages and sessions, and gives out again what was received.
#
# From memory: persistence is on (as in Debian's configuration), QoS 2 is exactly once, and PUBCOMP ends the handshake, so the broker
# has the message on disk. In truth mosquitto keeps all in memory and writes it at an orderly end, and every 30 minutes (mosquitto.conf,
# autosave_interval: 1800 seconds). A crash in between takes everything back to the last such picture. Before the first one: the messages are lost,
# and so is the session with its subscriptions, so that what is published later is lost too. After one: what was received
# and acknowledged meanwhile is given out a second time, with QoS 2, and what was published since is lost.
# autosave_on_changes counts changes in place of seconds, and writes the whole file each time.
#
# Here a subscriber with a persistent session and QoS 2 is away while messages are published with QoS 2 to the end of the handshake.
# "crash" is SIGKILL; "orderly end" is SIGTERM.
#
# Seen on 2026-12-01 with mosquitto 2.0.11-1.2+deb12u2:
#   a, b published; crash; start: session present 0, received nothing
#   c, d published; orderly end; start: session present 1, received c, d
#   the subscriber comes once more: session present 1, received nothing
#   e published; crash; start: session present 1, received c, d
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
have=$(dpkg-query --show --showformat='${Version}' mosquitto 2>/dev/null || true)
[ "$have" = "2.0.11-1.2+deb12u2" ] || cannot "Debian's mosquitto 2.0.11-1.2+deb12u2 is needed (apt-get install mosquitto=2.0.11-1.2+deb12u2); here: ${have:-none}"
chmod 777 "$folder"
cat > "$folder/try.py" <<'END'
import os, socket, subprocess, sys, time

folder = sys.argv[1]
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
with open(f"{folder}/mosquitto.conf", "w") as f:
    f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n")

def start():
    return subprocess.Popen(["mosquitto", "-c", f"{folder}/mosquitto.conf"], stderr=subprocess.DEVNULL)

CONNECT, PUBLISH, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, DISCONNECT = 0x10, 0x34, 0x50, 0x62, 0x70, 0x82, b"\xe0\0"

def packet(kind, body):
    return bytes([kind, len(body)]) + body

def string(text):
    return len(text).to_bytes(2, "big") + text.encode()

def read(s):
    """The next packet: (kind, body); nothing within 2 s: (None, b"")."""
    try: head = s.recv(2, socket.MSG_WAITALL)
    except socket.timeout: return None, b""
    return head[0], s.recv(head[1], socket.MSG_WAITALL)

def connect(client, clean):
    for _ in range(400):
        try: s = socket.create_connection(("127.0.0.1", port), 2); break
        except OSError: time.sleep(0.05)
    else: raise SystemExit("mosquitto does not listen")
    s.sendall(packet(CONNECT, string("MQTT") + bytes([4, 2 * clean, 0, 60]) + string(client)))
    return s, read(s)[1][0]

def end(s):
    s.sendall(DISCONNECT)
    while s.recv(100): pass

def subscribe():
    s, _ = connect("subscriber", clean=False)
    s.sendall(packet(SUBSCRIBE, b"\0\1" + string("t") + b"\2"))
    assert read(s)[0] == 0x90
    end(s)

def publish(*messages):
    s, _ = connect("publisher", clean=True)
    for i, message in enumerate(messages, 1):
        s.sendall(packet(PUBLISH, string("t") + bytes([0, i]) + message.encode()))
        assert read(s)[0] == PUBREC
        s.sendall(packet(PUBREL, bytes([0, i])))
        assert read(s)[0] == PUBCOMP
    end(s)

def receive():
    s, present = connect("subscriber", clean=False)
    received = []
    while True:
        kind, body = read(s)
        if kind is None: break
        if kind & 0xf0 == 0x30:
            received.append(body[5:].decode())
            s.sendall(packet(PUBREC, body[3:5]))
        elif kind == PUBREL: s.sendall(packet(PUBCOMP, body))
    end(s)
    return f"session present {present}, received {', '.join(received) or 'nothing'}"

def restart(broker, stop):
    stop(broker)
    broker.wait()
    return start()

crash, orderly, seen = subprocess.Popen.kill, subprocess.Popen.terminate, []
def tell(what):
    seen.append(receive())
    print(f"{what}: {seen[-1]}")

broker = start()
try:
    subscribe(); publish("a", "b")
    broker = restart(broker, crash)
    tell("a, b published; crash; start")
    subscribe(); publish("c", "d")
    broker = restart(broker, orderly)
    tell("c, d published; orderly end; start")
    tell("the subscriber comes once more")
    publish("e")
    broker = restart(broker, crash)
    tell("e published; crash; start")
finally:
    broker.kill()
as_described = seen == ["session present 0, received nothing", "session present 1, received c, d",
                        "session present 1, received nothing", "session present 1, received c, d"]
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END

timeout 120 python3 "$folder/try.py" "$folder"
