// The server of asgi.py with Bun.
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('no', { status: 400 })),
  websocket: {
    async message(socket, text) {
      if (text === 'return') return socket.close();
      if (text === 'work') await Bun.sleep(2000);
      socket.send(text);
    },
  },
});
