#!/usr/bin/env bash
# tokio-tungstenite 0.29.0 (tungstenite 0.29.0) keeps the read buffer of a connection's largest message until the connection ends.
#
# read_buffer_size (128 KiB by default, taken at once; 4 KiB is the documentation's advice for many connections) is where the buffer
# begins. It grows to hold a whole frame, and nothing makes it smaller: after one message of 1 MiB each connection holds 1 MiB more,
# also with a read_buffer_size of 4 KiB, and after any number of small messages since. A server with 10,000 connections each of which once
# brought such a message holds 10 GiB, though all are idle now. Only max_message_size and max_frame_size bound
# it (64 and 16 MiB by default).
#
# Here 60 connections to a server that has the message's length for an answer; memory above the start (VmRSS), for each.
#
# Seen on 2026-12-01 with tokio-tungstenite 0.29.0, Linux, glibc:
#   read_buffer_size 131072: opened 136 KiB; after a message of 1 MiB 1176 KiB; after 30 small ones 1176 KiB
#   read_buffer_size 4096: opened 12 KiB; after a message of 1 MiB 1044 KiB; after 30 small ones 1044 KiB
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v cargo > /dev/null || cannot "Rust's cargo is needed"
[ "$(uname)" = Linux ] || cannot "this needs Linux's /proc"
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
futures-util = "0.3"
tokio = { version = "1", features = ["full"] }
tokio-tungstenite = "=0.29.0"

[workspace]
END
cat > "$folder/src/main.rs" <<'END'
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{accept_async_with_config, tungstenite::protocol::WebSocketConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let size: usize = std::env::args().nth(1).expect("a size").parse().expect("a number");
    let config = WebSocketConfig::default().read_buffer_size(size);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(async move {
            let mut socket = accept_async_with_config(stream, Some(config)).await.expect("an opening");
            while let Some(Ok(message)) = socket.next().await {
                if message.is_close() || socket.send(message.len().to_string().into()).await.is_err() {
                    break;
                }
            }
        });
    }
}
END
cat > "$folder/try.py" <<'END'
import base64, os, socket, struct, subprocess, sys

COUNT = 60

def connect(port):
    s = socket.create_connection(("127.0.0.1", port), 10)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"): head += s.recv(1) or sys.exit("no answer to the opening")
    return s

def message(size):
    length = bytes([0x80 | size]) if size < 126 else b"\xff" + struct.pack(">Q", size)
    return b"\x82" + length + bytes(4 + size)

def measure(read_buffer_size):
    server = subprocess.Popen([sys.argv[1], str(read_buffer_size)], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        def memory():
            with open(f"/proc/{server.pid}/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        start = memory()
        def each(): return round((memory() - start) / COUNT)
        connections = [connect(port) for _ in range(COUNT)]
        def all_send(size):
            data = message(size)
            for s in connections:
                s.sendall(data)
                if not s.recv(100): sys.exit("no answer to a message")
        all_send(10)
        opened = each()
        all_send(1 << 20)
        after = each()
        for _ in range(30): all_send(10)
        later = each()
        print(f"read_buffer_size {read_buffer_size}: opened {opened} KiB; after a message of 1 MiB {after} KiB; after 30 small ones {later} KiB")
        return opened, later
    finally: server.kill()

usual, small = measure(128 << 10), measure(4 << 10)
as_described = small[0] < 64 and all(later - opened > 900 for opened, later in (usual, small))
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" ||
    cannot "tokio-tungstenite 0.29.0 can't be had or built"
timeout 60 python3 "$folder/try.py" "$folder/target/debug/finding"
