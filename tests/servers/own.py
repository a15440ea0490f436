"""The server of asgi.py with libraries that have no ASGI interface: `own.py tornado|aiohttp|websockets PORT`."""

import asyncio
import sys


async def tornado(port):
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Handler(WebSocketHandler):
        async def on_message(self, message):
            if message == "return":
                return self.close()
            if message == "work":
                await asyncio.sleep(2)
            await self.write_message(message)

    Application([("/", Handler)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


def aiohttp(port):
    from aiohttp import web

    async def handler(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.data == "return":
                break
            if message.data == "work":
                await asyncio.sleep(2)
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", handler)
    web.run_app(app, host="127.0.0.1", port=port, shutdown_timeout=2, print=None)


async def websockets(port):
    import signal

    from websockets.asyncio.server import serve

    async def handler(socket):
        async for message in socket:
            if message == "return":
                return
            if message == "work":
                await asyncio.sleep(2)
            await socket.send(message)

    async with serve(handler, "127.0.0.1", port) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        await server.wait_closed()


name, port = sys.argv[1], int(sys.argv[2])
if name == "aiohttp":
    aiohttp(port)
else:
    asyncio.run({"tornado": tornado, "websockets": websockets}[name](port))
