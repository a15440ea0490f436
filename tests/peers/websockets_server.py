"""A server written with `websockets`."""

import asyncio

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from driven import parts, say


async def echo(socket):
    say("open", extensions=socket.response.headers.get("Sec-WebSocket-Extensions", ""))
    try:
        while True:
            await answer(socket, await socket.recv())
    except ConnectionClosed:
        say("close", code=socket.close_code, reason=socket.close_reason)


async def answer(socket, message):
    text = message if isinstance(message, str) else ""
    if text.startswith("!close "):
        _, code, reason = parts(text, 2)
        await socket.close(int(code), reason)
    elif text.startswith("!fragment "):
        _, text = parts(text, 1)
        third = -(-len(text) // 3)
        await socket.send(text[start : start + third] for start in range(0, len(text), third))
    elif text.startswith("!ping "):
        _, text = parts(text, 1)
        pong = await socket.ping(text)
        pong.add_done_callback(lambda _: say("pong", text=text))
    else:
        await socket.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
