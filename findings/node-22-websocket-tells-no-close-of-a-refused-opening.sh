#!/usr/bin/env bash
# Node.js 22's global WebSocket fires no close event when its opening fails, and stays CONNECTING for ever.
#
# The HTML standard has "error" and then "close" for each WebSocket whose connection can't be opened, with readyState 3 in both; so
# clients that reconnect do so in "close". Node.js 22 (undici 6) fires "error" with readyState 0 and nothing behind it,
# whether the server answers with a status, with or without a body, or resets the connection. Whoever waits for "close" waits for
# ever. Node.js 24 (undici 7) does as the standard says.
#
# Seen on 2026-11-30 with Node.js 22.23.3 (undici 6.28.1) and 24.21.0 (undici 7.29.1):
#   v22.23.3: 503: error (0); after 3 s: 0
#   v22.23.3: reset: error (0); after 3 s: 0
#   v24.21.0: 503: error (3), close (3); after 3 s: 3
#   v24.21.0: reset: error (3), close (3); after 3 s: 3
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
cat > "$folder/try.mjs" <<'END'
import http from "node:http";
const answers = { 503: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", reset: null };
for (const [name, answer] of Object.entries(answers)) {
  const server = http.createServer();
  server.on("upgrade", (request, socket) => (answer === null ? socket.destroy() : socket.end(answer)));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}/`), seen = [];
  for (const kind of ["open", "error", "close"]) {
    socket.addEventListener(kind, () => seen.push(`${kind} (${socket.readyState})`));
  }
  await new Promise((done) => setTimeout(done, 3000));
  console.log(`${process.version}: ${name}: ${seen.join(", ")}; after 3 s: ${socket.readyState}`);
  server.close();
}
process.exit();
END
: > "$folder/seen"
for version in 22.23.3 24.21.0; do
  mkdir "$folder/$version"
  npm install --prefix "$folder/$version" --silent --no-audit --no-fund "node@$version" || cannot "npm does not give node@$version"
  timeout 60 "$folder/$version/node_modules/.bin/node" "$folder/try.mjs" | tee -a "$folder/seen"
done
cat > "$folder/expected" <<'END'
v22.23.3: 503: error (0); after 3 s: 0
v22.23.3: reset: error (0); after 3 s: 0
v24.21.0: 503: error (3), close (3); after 3 s: 3
v24.21.0: reset: error (3), close (3); after 3 s: 3
END
if cmp -s "$folder/seen" "$folder/expected"; then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
