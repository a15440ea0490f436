"""The commands and events of the peers in Python: of clients as in client.mjs, of servers as in ws-server.mjs."""

import asyncio
import json
import sys


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


def parts(message, count):
    """A command's name and its arguments, the last of which may contain spaces."""
    words = message.split(" ", count)
    return words + [""] * (count + 1 - len(words))


class Received:
    """Prints what was received; for a message that is too long for a line, whether it equals the last one that was sent."""

    sent_last = None

    def tell(self, message):
        if len(message) > 1000:
            kind = "text" if isinstance(message, str) else "binary"
            say("large", kind=kind, length=len(message), same=message == self.sent_last)
        elif isinstance(message, bytes):
            say("binary", hex=message.hex())
        else:
            say("text", text=message)


async def drive(client, received):
    """`client` has the coroutines send(str or bytes), ping(str) and close(code, reason)."""

    async def send(message):
        received.sent_last = message
        await client.send(message)

    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().rstrip("\n"):
        word, argument = parts(line, 1)
        if word == "text":
            await send(argument)
        elif word == "binary":
            await send(bytes.fromhex(argument))
        elif word == "large":
            kind, length = argument.split(" ")
            text = large(int(length))
            await send(text if kind == "text" else text.encode())
        elif word == "ping":
            await client.ping(argument)
        elif word == "close":
            code, reason = parts(argument, 1)
            await client.close(int(code), reason)


def large(length):
    """The numbers from 0 on: text that compresses, but not as extremely as one repeated character."""
    return " ".join(map(str, range(length)))[:length]
