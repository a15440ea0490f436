// The server of asgi.py with `ws`, which is in FOLDER: node ws.cjs FOLDER PORT
const { WebSocketServer } = require(process.argv[2] + '/ws');
new WebSocketServer({ host: '127.0.0.1', port: +process.argv[3] }).on('connection', (socket) => {
  socket.on('message', async (data) => {
    const text = data.toString();
    if (text === 'return') return socket.close();
    if (text === 'work') await new Promise((done) => setTimeout(done, 2000));
    socket.send(text);
  });
});
