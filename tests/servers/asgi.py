"""An ASGI application. A message is a command: `work` takes 2 s, `return` ends the application; others are echoed."""

import asyncio


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        text = event.get("text")
        if text == "return":
            return
        if text == "work":
            await asyncio.sleep(2)
        await send({"type": "websocket.send", "text": text})
