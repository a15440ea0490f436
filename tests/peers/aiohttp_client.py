"""A client written with `aiohttp`. Argument: the URL."""

import asyncio
import sys

from aiohttp import ClientSession, WSMsgType

from driven import Received, drive, say


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.closing = None

    async def send(self, message):
        await (self.socket.send_str(message) if isinstance(message, str) else self.socket.send_bytes(message))

    async def ping(self, text):
        await self.socket.ping(text.encode())

    async def close(self, code, reason):
        # This ends the receiving task at once; the closing handshake takes longer.
        self.closing = asyncio.ensure_future(self.socket.close(code=code, message=reason.encode()))
        await self.closing


async def main():
    async with ClientSession() as session:
        socket = await session.ws_connect(sys.argv[1], compress=15, autoping=False, max_msg_size=0)
        say("open", extensions="permessage-deflate" if socket.compress else "")
        received = Received()
        client = Client(socket)
        driver = asyncio.create_task(drive(client, received))
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                received.tell(message.data)
            elif message.type == WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type == WSMsgType.PONG:
                say("pong", text=message.data.decode())
        if client.closing:
            await client.closing
        say("close", code=socket.close_code, reason="")
        driver.cancel()


asyncio.run(main())
