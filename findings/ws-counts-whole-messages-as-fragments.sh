#!/usr/bin/env bash
# ws 7.5.12 (npm) closes every connection at its 16,385th message, whatever the messages are.
#
# The releases 5.2.6, 6.2.5 and 7.5.12 of the npm package ws limit the fragments of a message to 16,384, but never reset the
# count: each unfragmented message is one more "fragment" of the same message. A server with default options ends a healthy
# connection after 16,384 messages, with Close 1008 and no reason (7.5.12) or none at all (5.2.6, 6.2.5). The next releases
# (5.2.7, 6.2.6, 7.5.13) reset it. An engineer would look for a rate limit or a policy of the application behind a 1008, not for
# a counter of the library. Here with 7.5.12, and with 7.5.13 for comparison.
#
# Seen on 2026-11-30 with Node.js 20.20.2:
#   7.5.12: 16384 messages taken, then close 1008; the server's error: Too many message fragments
#   7.5.13: 20000 messages taken, then close 1005
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
cat > "$folder/try.js" <<'END'
const WebSocket = require(process.argv[2] + '/node_modules/ws');
let taken = 0, error = 'none';
const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 }, () => {
  // Uncompressed, unfragmented text messages of one character.
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false });
  let sent = 0;
  const more = () => {
    for (let i = 0; i < 1000 && sent < 20000 && client.readyState === 1; i++, sent++) client.send('x');
    if (client.readyState === 1) sent < 20000 ? setTimeout(more, 5) : setTimeout(() => client.close(), 500);
  };
  client.on('open', more);
  client.on('error', () => {});
  client.on('close', code => { console.log(`${taken} messages taken, then close ${code}; the server's error: ${error}`); process.exit(0); });
});
server.on('connection', socket => {
  socket.on('message', () => taken++);
  socket.on('error', e => { error = e.message; });
});
setTimeout(() => process.exit(3), 30000);
END

run() {
    mkdir "$folder/$1"
    (cd "$folder/$1" && npm install --silent --no-audit --no-fund --prefix . "ws@$1") > /dev/null || cannot "npm does not give ws@$1"
    node "$folder/try.js" "$folder/$1"
}
old=$(run 7.5.12); echo "7.5.12: $old"
new=$(run 7.5.13); echo "7.5.13: $new"
case "$old | $new" in
    "16384 messages taken, then close 1008"*"| 20000 messages taken"*) echo "as described" ;;
    *) echo "CHANGED: it does not behave as described above"; exit 1 ;;
esac
