#!/usr/bin/env bash
# Close 1012, 1013 and 1014 are a protocol error to some clients: faye-websocket and gobwas/ws refuse all three, others only 1014.
#
# A server that restarts says Close 1012 (uvicorn does), one that is overloaded 1013, a gateway 1014. IANA has registered the three,
# and RFC 6455 section 7.4.2 leaves 1000 to 2999 to such registrations. faye-websocket knows none of them: it tells the
# application 1002 with the reason kept ("restart"), and answers 1002, so that both logs speak of a protocol error. gobwas/ws
# fails with a ProtocolError in place of its ClosedError, so the code is lost; its answer has a masked payload without the mask
# bit and the key, so the server reads a random code. gorilla/websocket and wsproto (under httpx-ws and trio-websocket) know 1012
# and 1013, but fail 1014. Where the client decides by the code whether and when to connect again, an orderly restart looks like
# a broken server. ws and coder/websocket pass on all three.
#
# Seen on 2026-12-01 with faye-websocket 0.11.4, ws 8.23.0, gobwas/ws 1.5.0, gorilla/websocket 1.5.3, coder/websocket 1.8.15,
# httpx-ws 0.9.0 (wsproto 1.3.2), Node.js 20.20.2; what the client reports, then what it answers:
#   ws: 1012, 1013, 1014, 3000; answers 1012, 1013, 1014, 3000
#   coder/websocket: 1012, 1013, 1014, 3000; answers 1012, 1013, 1014, 3000
#   faye-websocket: 1002, 1002, 1002, 3000; answers 1002, 1002, 1002, 3000
#   gobwas/ws: ws.ProtocolError, ws.ProtocolError, ws.ProtocolError, 3000; answers no mask, no mask, no mask, 3000
#   gorilla/websocket: 1012, 1013, bad close code, 3000; answers 1012, 1013, 1002, 3000
#   httpx-ws: 1012, 1013, 1002, 3000; answers 1000, 1000, 1000, 1000
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
command -v go > /dev/null || cannot "Go is needed"
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx-ws==0.9.0 wsproto==1.3.2 || cannot "PyPI does not give httpx-ws==0.9.0 wsproto==1.3.2"
npm install --prefix "$folder" --silent --no-audit --no-fund faye-websocket@0.11.4 ws@8.23.0 || cannot "npm does not give faye-websocket@0.11.4 ws@8.23.0"
mkdir "$folder/go"
cat > "$folder/go/go.mod" <<'END'
module finding

go 1.23
END
cat > "$folder/go/main.go" <<'END'
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// What the library of this name reports of the close that the server at the address sends.
func main() {
	name, address, ctx := os.Args[1], os.Args[2], context.Background()
	switch name {
	case "coder":
		connection, _, err := coder.Dial(ctx, address, nil)
		check(err)
		_, _, err = connection.Read(ctx)
		fmt.Println(int(coder.CloseStatus(err)))
	case "gobwas":
		connection, _, _, err := gobwas.Dial(ctx, address)
		check(err)
		_, _, err = wsutil.ReadServerData(connection)
		var closed wsutil.ClosedError
		if errors.As(err, &closed) {
			fmt.Println(int(closed.Code))
		} else {
			fmt.Printf("%T\n", err)
		}
	case "gorilla":
		connection, _, err := gorilla.DefaultDialer.Dial(address, nil)
		check(err)
		_, _, err = connection.ReadMessage()
		var closed *gorilla.CloseError
		if errors.As(err, &closed) {
			fmt.Println(closed.Code)
		} else {
			fmt.Println("bad close code")
		}
	}
}
END
(cd "$folder/go" && {
  go get github.com/coder/websocket@v1.8.15 github.com/gobwas/ws@v1.5.0 github.com/gorilla/websocket@v1.5.3 && go build -o ../clients .; } > "$folder/go.log" 2>&1) ||
  cannot "the Go module proxy does not give coder/websocket 1.8.15, gobwas/ws 1.5.0, gorilla/websocket 1.5.3"
cat > "$folder/client.js" <<'END'
const [, , folder, name, url] = process.argv;
const library = require(`${folder}/node_modules/${name}`);
if (name === "ws") new library(url).on("error", () => {}).on("close", (code) => console.log(code));
else new library.Client(url).on("error", () => {}).on("close", (event) => console.log(event.code));
END
cat > "$folder/client.py" <<'END'
import sys, httpx_ws
try:
    with httpx_ws.connect_ws(sys.argv[1]) as connection: connection.receive_text()
except httpx_ws.WebSocketDisconnect as closed: print(int(closed.code))
END
cat > "$folder/try.py" <<'END'
import base64, hashlib, socket, struct, subprocess, sys, time

folder = sys.argv[1]
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(20)
port = listener.getsockname()[1]

def closed_with(code, command):
    """What the client prints when it is closed with this code, and the code it answers."""
    client = subprocess.Popen([*command, f"ws://127.0.0.1:{port}/"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        s, _ = listener.accept()
        s.settimeout(5)
        head = b""
        while not head.endswith(b"\r\n\r\n"): head += s.recv(1)
        key = next(line.split(b":")[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        time.sleep(0.2)
        s.sendall(b"\x88\x09" + struct.pack(">H", code) + b"restart")
        answer = b""
        while len(answer) < 8 and (data := s.recv(8)): answer += data
        s.close()
        if len(answer) < 4: back = "nothing"
        elif answer[1] < 128: back = "no mask"
        else: back = struct.unpack(">H", bytes(a ^ b for a, b in zip(answer[6:8], answer[2:4])))[0]
        return client.communicate(timeout=20)[0].strip(), str(back)
    finally: client.kill()

CLIENTS = {
    "ws": ["node", f"{folder}/client.js", folder, "ws"],
    "coder/websocket": [f"{folder}/clients", "coder"],
    "faye-websocket": ["node", f"{folder}/client.js", folder, "faye-websocket"],
    "gobwas/ws": [f"{folder}/clients", "gobwas"],
    "gorilla/websocket": [f"{folder}/clients", "gorilla"],
    "httpx-ws": [f"{folder}/venv/bin/python", f"{folder}/client.py"],
}
for name, command in CLIENTS.items():
    told, back = zip(*(closed_with(code, command) for code in (1012, 1013, 1014, 3000)))
    print(f"{name}: {', '.join(told)}; answers {', '.join(back)}", flush=True)
END
timeout 100 python3 "$folder/try.py" "$folder" | tee "$folder/seen"
sed -n 's/^#   \(.*; answers .*\)/\1/p' "$0" > "$folder/expected"
if cmp -s "$folder/seen" "$folder/expected"; then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
