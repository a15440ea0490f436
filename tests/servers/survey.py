"""What WebSocket servers do when they stop, when they are idle and when they are pinged, and what `everwire connect` makes
of it: one row of docs/servers.md for each. `cargo xtask servers` runs it for the document, a test for some of them.

    survey.py --everwire PATH --python BIN --node-modules FOLDER --cowboy FOLDER [--jars FOLDER] [--only NAME,NAME] [--idle SECONDS]

The folders hold what `cargo xtask servers` and `cargo xtask setup` install. A server that is not there is left out, with a word
on stderr.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from wire import Wire, close, frame, free_port, listens

HERE = os.path.dirname(os.path.abspath(__file__))
MQTT_CONNECT = bytes([0x10, 15, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 0, 0, 3]) + b"one"


class Server:
    """How a server is started, and what it understands."""

    def __init__(self, name, version, command, path="/", protocol=None, commands=True, greeting=None, files=None):
        self.name, self.version, self.command = name, version, command
        self.path, self.protocol, self.greeting, self.files = path, protocol, greeting, files
        # Whether it runs a program of this folder, which understands the commands.
        self.commands = commands

    def start(self, port, folder):
        for name, text in (self.files(port, folder) if self.files else {}).items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        words = [word.format(port=port, folder=folder) for word in self.command]
        log = open(os.path.join(folder, "log"), "w")
        process = subprocess.Popen(words, cwd=HERE, stdout=log, stderr=log, start_new_session=True, env=quiet())
        listens(port)
        return process

    def open(self, port):
        wire = Wire(port, self.path, self.protocol)
        if self.greeting:
            wire.send(frame(2, self.greeting))
            wire.next(5)
        return wire


def quiet():
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "ERL_CRASH_DUMP": "/dev/null"}


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def seconds(time):
    # Rounds down: a busy machine is late, never early.
    return "at once" if time < 1.5 else f"after {int(time + 0.3)} s"


def stopped(server, port, folder):
    process = server.start(port, folder)
    try:
        wire = server.open(port)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        try:
            wire.send(frame(9, b"alive?"))
        except OSError:
            pass
        answered, started = False, time.monotonic()
        while True:
            got = wire.next(30)
            if got is None:
                return "stays open for 30 s" + (", with pongs" if answered else ", without a pong")
            answered |= got[0] == "pong"
            if got[0] in ("close", "end"):
                how = close(got[1]) if got[0] == "close" else got[1].decode()
                after = time.monotonic() - started + 0.2
                deaf = ", no pong until then" if after > 1.5 and not answered else ""
                return f"{how} {seconds(after)}{deaf}"
    finally:
        end(process)


def returns(server, port):
    if not server.commands:
        return "–"
    wire = server.open(port)
    wire.send(frame(1, b"return"))
    how, _ = wire.ends(3)
    if how:
        return how
    wire.send(frame(9, b"there?"))
    return "stays open, with pongs" if (wire.next(2) or ("",))[0] == "pong" else "stays open"


def pings(server, port):
    wire = server.open(port)
    wire.send(*(frame(9, b"%d" % number) for number in range(5)))
    answered = []
    while (got := wire.next(1)) is not None and got[0] == "pong":
        answered.append(int(got[1]))
    return {5: "all answered", 0: "none answered"}.get(len(answered)) or "answered: " + ", ".join(str(number + 1) for number in answered)


def works(server, port):
    """How long the pong takes to a ping that is sent while a handler works for 2 s."""
    if not server.commands:
        return "–"
    wire = server.open(port)
    wire.send(frame(1, b"work"))
    time.sleep(0.3)
    wire.send(frame(9, b"?"))
    return "at once" if (wire.next(10) or ("",))[0] == "pong" else "when it is done"


def idle(server, port, limit):
    """How long a connection without messages stays; pings of the server are answered."""
    if not limit:
        return None
    wire = server.open(port)
    started, own = time.monotonic(), []
    while (left := started + limit - time.monotonic()) > 0 and (got := wire.next(left)) is not None:
        if got[0] == "ping":
            own.append(time.monotonic() - started)
            wire.send(frame(10, got[1]))
        elif got[0] in ("close", "end"):
            how = close(got[1]) if got[0] == "close" else got[1].decode()
            return f"{how} {seconds(time.monotonic() - started)}"
    return f"stays; pings of its own every {round(own[0])} s" if own else "stays"


class Ours:
    """A running `everwire connect`, and its output."""

    def __init__(self, program, server, port):
        self.said, self.news = [], threading.Condition()
        patient = ["--initial-delay", "100ms", "--max-delay", "300ms", "--heartbeat-interval", "2s", "--heartbeat-timeout", "3s"]
        protocol = ["--subprotocol", server.protocol] if server.protocol else []
        url = f"ws://127.0.0.1:{port}{server.path}"
        words = [program, "connect", url, "--json", "--linger", "off", *patient, *protocol]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            with self.news:
                self.said.append(json.loads(line))
                self.news.notify()

    def hears(self, fits, time=30):
        """The first line of its output from now on that fits, or the line of its end."""
        with self.news:
            found = lambda: next((said for said in self.said if fits(said) or said["type"] == "end"), None)
            said = self.news.wait_for(found, time)
            self.said = self.said[self.said.index(said) + 1 :] if said in self.said else []
            return said

    def is_connected(self):
        return self.hears(lambda said: said.get("state") == "connected")


def client(program, server, port, folder):
    """The outcome of a line, and what the client does when the server is stopped and started again."""
    process = server.start(port, folder)
    ours = Ours(program, server, port)
    try:
        if not ours.is_connected():
            return "does not connect", "–"
        line = "–"
        if server.commands:
            ours.process.stdin.write("a line\n")
            ours.process.stdin.flush()
            outcome = ours.hears(lambda said: said["type"] == "outcome") or {}
            line = outcome.get("outcome", "nothing for 30 s")
        process.send_signal(signal.SIGTERM)
        lost = ours.hears(lambda said: said.get("state") in ("disconnected", "connecting"))
        end(process)
        process = server.start(port, folder)
        if not lost:
            return line, "notices nothing"
        if lost["type"] == "end":
            return line, f"ends, exit code {lost['exit']}"
        back = ours.is_connected()
        return line, "reconnects" if back and back["type"] == "state" else "does not come back"
    finally:
        ours.process.kill()
        end(process)


def survey(server, program, limit):
    row = {"server": f"{server.name} {server.version}"}
    with tempfile.TemporaryDirectory(prefix="everwire-") as folder:
        os.chmod(folder, 0o755)
        port = free_port()
        process = server.start(port, folder)
        try:
            row["returns"] = returns(server, port)
            row["several pings"] = pings(server, port)
            row["ping while it works"] = works(server, port)
            row["idle"] = idle(server, port, limit)
        finally:
            end(process)
        row["SIGTERM"] = stopped(server, free_port(), folder)
        row["a line"], row["restart"] = client(program, server, free_port(), folder)
    return row


COLUMNS = ["SIGTERM", "returns", "idle", "several pings", "ping while it works", "a line", "restart"]


def cells(row):
    return [row["server"]] + [row[column] or "…" for column in COLUMNS]


def servers(options):
    python, node, cowboy, jars = options.python + "/", options.node_modules, options.cowboy, options.jars

    def dist(name):
        found = glob.glob(f"{python}../lib/*/site-packages/{name}-*.dist-info")
        return found and re.search(r"-([\d.]+)\.dist-info", found[0])[1]

    def npm(name):
        path = f"{node}/{name}/package.json"
        return os.path.exists(path) and json.load(open(path))["version"]

    def debian(name):
        asked = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", name], capture_output=True, text=True)
        return re.sub(r"^\d:|[-+].*", "", asked.stdout) if asked.returncode == 0 else None

    def erlang():
        paths = [word for name in ("cowboy", "cowlib", "ranch") for word in ("-pa", f"{cowboy}/{name}/ebin")]
        start = ["erl", "-noinput", *paths, "-pa", cowboy, "-eval", "cowboy_peer:main({port}, 60000)."]
        app = f"{cowboy}/cowboy/ebin/cowboy.app"
        version = os.path.exists(app) and re.search(r'vsn,\s*"([\d.]+)"', open(app).read())[1]
        if version:
            subprocess.run(["erlc", "-o", cowboy, "cowboy_peer.erl"], cwd=HERE, check=True)
        return Server("Cowboy", version, start)

    jetty = [re.search(r"-([\d.]+)\.v", path)[1] for path in glob.glob(f"{jars}/jetty-server-*.jar")]
    for ws in ("websockets", "websockets-sansio", "wsproto"):
        start = [f"{python}uvicorn", "--ws", ws, "--log-level", "warning", "--port", "{port}", "asgi:app"]
        yield Server(f"uvicorn ({ws})", dist("uvicorn"), start)
    yield Server("hypercorn", dist("hypercorn"), [f"{python}hypercorn", "--bind", "127.0.0.1:{port}", "asgi:app"])
    yield Server("daphne", dist("daphne"), [f"{python}daphne", "-b", "127.0.0.1", "-p", "{port}", "asgi:app"])
    yield Server("granian", dist("granian"), [f"{python}granian", "--interface", "asgi", "--port", "{port}", "asgi:app"])
    for name in ("tornado", "aiohttp", "websockets"):
        yield Server(name, dist(name), [f"{python}python", "own.py", name, "{port}"])
    yield Server("ws", npm("ws"), ["node", "ws.cjs", node, "{port}"])
    yield Server("Bun", npm("bun"), [f"{node}/.bin/bun", "bun.mjs", "{port}"])
    yield Server("Deno", npm("deno"), [f"{node}/.bin/deno", "run", "--quiet", "--allow-net", "deno.mjs", "{port}"])
    yield erlang()
    yield Server("Jetty", jetty and jetty[0], ["java", "-cp", f"{jars}/*", "Jetty.java", "{port}"])
    yield Server(
        "mosquitto", debian("mosquitto"), ["/usr/sbin/mosquitto", "-c", "{folder}/conf"],
        path="/mqtt", protocol="mqtt", commands=False, greeting=MQTT_CONNECT,
        # mosquitto does not start with a WebSocket listener alone.
        files=lambda port, _: {"conf": f"listener {free_port()} 127.0.0.1\nlistener {port}\nprotocol websockets\nallow_anonymous true\n"},
    )
    yield Server(
        "nchan", debian("libnginx-mod-nchan"), ["/usr/sbin/nginx", "-c", "{folder}/nginx.conf"],
        commands=False, files=lambda port, folder: {"nginx.conf": nchan(port, folder)},
    )


def nchan(port, folder):
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}}
http {{ access_log off; {temporary}
    server {{ listen 127.0.0.1:{port}; location / {{ nchan_pubsub websocket; nchan_channel_id one; }} }} }}
"""


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--everwire", required=True)
    for folder in ("--python", "--node-modules", "--cowboy"):
        options.add_argument(folder, required=True, type=os.path.abspath)
    options.add_argument("--jars", default="/nonexistent", type=os.path.abspath)
    options.add_argument("--only", default="")
    options.add_argument("--idle", type=float, default=0)
    options.add_argument("--at-once", type=int, default=3)
    options = options.parse_args()
    only = set(filter(None, options.only.split(",")))
    chosen = []
    for server in servers(options):
        if only and server.name not in only:
            continue
        if server.version:
            chosen.append(server)
        else:
            print(f"left out, since it is not installed: {server.name}", file=sys.stderr)
    missing = only - {server.name for server in chosen}
    if missing:
        raise SystemExit(f"not there: {', '.join(sorted(missing))}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=options.at_once) as pool:
        for row in pool.map(lambda server: survey(server, options.everwire, options.idle), chosen):
            print("| " + " | ".join(cells(row)) + " |", flush=True)


main()
