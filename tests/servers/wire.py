"""A WebSocket client on a raw socket that sends single frames, to observe servers."""

import base64
import os
import socket
import struct
import time

KINDS = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def frame(op, data=b"", fin=True):
    mask, n = os.urandom(4), len(data)
    length = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)
    return bytes([op | 0x80 * fin]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


class Wire:
    def __init__(self, port, path="/", protocol=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.buffer = b""
        offer = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
        )
        self.socket.sendall(request.encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0] + b" ":
            raise ConnectionError(head.decode())

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def next(self, seconds):
        """The next frame: (kind, payload); ("end", why) at the end of the stream, None if nothing comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self.buffer) >= 2:
                n, at = self.buffer[1] & 127, 2
                if n == 126 and len(self.buffer) >= 4:
                    n, at = struct.unpack(">H", self.buffer[2:4])[0], 4
                if n < 126 or at == 4:
                    if len(self.buffer) >= at + n:
                        kind, data = KINDS[self.buffer[0] & 15], self.buffer[at : at + n]
                        self.buffer = self.buffer[at + n :]
                        return kind, data
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                self.more()
            except TimeoutError:
                return None
            except EOFError:
                return "end", b"FIN"
            except ConnectionError:
                return "end", b"RST"

    def ends(self, seconds):
        """How the connection ends: a close frame in words, FIN or RST; None if it does not end. And after how long."""
        started = time.monotonic()
        while (left := started + seconds - time.monotonic()) > 0:
            got = self.next(left)
            if got is None:
                break
            kind, data = got
            if kind == "ping":
                self.send(frame(10, data))
            if kind == "close":
                return close(data), time.monotonic() - started
            if kind == "end":
                return data.decode(), time.monotonic() - started
        return None, seconds


def close(data):
    if len(data) < 2:
        return "Close without a code"
    reason = data[2:].decode(errors="replace")
    return f"Close {struct.unpack('>H', data[:2])[0]}" + (f" “{reason}”" if reason else "")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")
