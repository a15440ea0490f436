"""A client written with `websockets`. Argument: the URL."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from driven import Received, drive, say


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.send = socket.send
        self.close = socket.close

    async def ping(self, text):
        pong = await self.socket.ping(text)
        pong.add_done_callback(lambda _: say("pong", text=text))


async def main():
    socket = await connect(sys.argv[1], max_size=None, proxy=None, close_timeout=60)
    say("open", extensions=socket.response.headers.get("Sec-WebSocket-Extensions", ""))
    received = Received()
    driver = asyncio.create_task(drive(Client(socket), received))
    try:
        while True:
            received.tell(await socket.recv())
    except ConnectionClosed:
        say("close", code=socket.close_code, reason=socket.close_reason)
    driver.cancel()


asyncio.run(main())
