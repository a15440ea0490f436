// The server of asgi.py with Deno.
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.args[0]), onListen() {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = async ({ data }) => {
    if (data === 'return') return socket.close();
    if (data === 'work') await new Promise((done) => setTimeout(done, 2000));
    socket.send(data);
  };
  return response;
});
