#!/usr/bin/env bash
# websockets, httpx-ws and aiohttp end a healthy connection by their own pings while the application is behind with its messages.
#
# The peer answers every ping at once, and neither event loop is blocked: the application awaits something for longer than the
# pings' time-outs, with messages waiting for it. From memory a library that pings by itself answers for "the peer is there", and a full queue
# is back-pressure ("the keepalive ... ensures that the remote endpoint remains responsive", documentation of websockets). But
# these stop reading when their queue is full, and the pong stands behind the messages. websockets does so from the 17th
# waiting message on (max_queue=16), so with its default 20 s + 20 s a consumer that is 17 messages and 40 s behind is cut
# off with 1011, and reads in the log that the *peer* did not answer; its server side does the same with a busy handler.
# httpx-ws does so from the first waiting message on, aiohttp's heartbeat with some thousands of them. What waits is lost
# in aiohttp; in websockets the application still gets it, and then the error.
#
# Here the time-outs are 1 s + 1 s (aiohttp: 1 s + 0.5 s); the server sends N messages of 3 to 6 bytes at once, and answers pings. The client takes the first, awaits
# asyncio.sleep(5), takes the rest, and has one more echoed.
#
# Seen on 2026-12-01 with websockets 17.4 (which is also the server), httpx-ws 0.9.0, aiohttp 3.14.5:
#   websockets, 1 message: alive
#   websockets, 16 messages: alive
#   websockets, 17 messages: ended; the server is told 1011 'keepalive ping timeout'
#   httpx-ws, 1 message: alive
#   httpx-ws, 2 messages: ended; the server is told 1011 'Keepalive ping timeout'
#   aiohttp, 1 message: alive
#   aiohttp, 600 messages: alive
#   aiohttp, 5000 messages: ended; the server is told 1006 ''
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check websockets==17.4 httpx-ws==0.9.0 aiohttp==3.14.5 \
  || cannot "PyPI does not give websockets==17.4 httpx-ws==0.9.0 aiohttp==3.14.5"
cat > "$folder/try.py" <<'END'
import asyncio, sys
import aiohttp, httpx_ws, websockets

told = asyncio.Queue()

async def serve(socket):
    for i in range(int(socket.request.path[1:])): await socket.send(f"m{i}")
    try:
        async for message in socket: await socket.send(message)
    except websockets.ConnectionClosed: pass
    told.put_nowait((socket.close_code, socket.close_reason))

async def use(count, receive, send):
    for i in range(count):
        assert await receive() == f"m{i}"
        if i == 0: await asyncio.sleep(5)
    await send("one more")
    assert await receive() == "one more"

async def by_websockets(url, count):
    async with websockets.connect("ws" + url, ping_interval=1, ping_timeout=1) as socket:
        await use(count, socket.recv, socket.send)

async def by_httpx_ws(url, count):
    async with httpx_ws.aconnect_ws("http" + url, keepalive_ping_interval_seconds=1, keepalive_ping_timeout_seconds=1) as socket:
        await use(count, socket.receive_text, socket.send_text)

async def by_aiohttp(url, count):
    async with aiohttp.ClientSession() as session, session.ws_connect("ws" + url, heartbeat=1) as socket:
        await use(count, socket.receive_str, socket.send_str)

async def main():
    seen = {}
    async with websockets.serve(serve, "127.0.0.1", 0, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        for name, client, counts in (("websockets", by_websockets, (1, 16, 17)), ("httpx-ws", by_httpx_ws, (1, 2)),
                                     ("aiohttp", by_aiohttp, (1, 600, 5000))):
            for count in counts:
                try:
                    await asyncio.wait_for(client(f"://127.0.0.1:{port}/{count}", count), 30)
                    outcome = "alive"
                    await told.get()
                except Exception:
                    code, reason = await asyncio.wait_for(told.get(), 30)
                    outcome = f"ended; the server is told {code} {reason!r}"
                seen[name, count] = outcome
                print(f"{name}, {count} message{'s' * (count > 1)}: {outcome}", flush=True)
    ended = {key for key, outcome in seen.items() if outcome != "alive"}
    as_described = ended == {("websockets", 17), ("httpx-ws", 2), ("aiohttp", 5000)} and "1011" in seen["websockets", 17]
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)

asyncio.run(main())
END

timeout 300 "$folder/venv/bin/python" "$folder/try.py"
