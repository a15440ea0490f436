"""A server written with `aiohttp`. It has no way to send a message in fragments."""

import asyncio

from aiohttp import WSMsgType, web

from driven import parts, say


async def echo(request):
    socket = web.WebSocketResponse(compress=True, autoping=False, max_msg_size=0)
    await socket.prepare(request)
    say("open", extensions="permessage-deflate" if socket.compress else "")
    async for message in socket:
        if message.type == WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type == WSMsgType.PONG:
            say("pong", text=message.data.decode())
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.data.startswith("!close "):
            _, code, reason = parts(message.data, 2)
            await socket.close(code=int(code), message=reason.encode())
        elif message.data.startswith("!ping "):
            await socket.ping(message.data.removeprefix("!ping ").encode())
        else:
            await socket.send_str(message.data)
    say("close", code=socket.close_code, reason="")
    return socket


async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Future()


asyncio.run(main())
