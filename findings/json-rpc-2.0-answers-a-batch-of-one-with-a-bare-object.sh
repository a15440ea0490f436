#!/usr/bin/env bash
# json-rpc-2.0 (npm) answers a batch of one request with a bare object, and a request whose method is a number with nothing.
#
# JSON-RPC 2.0 section 6: the answer to a batch is an array with the answers, as many as there are; only an empty array and what is no JSON
# get a single object. A client that looks for an array drops the bare object, and its call waits for ever; batches of two show
# nothing of it. Section 4.2 and the examples of section 7: a request that is none (`"method": 1`) is answered with -32600 and the id
# null; here nobody hears of it.
#
# Seen on 2026-11-30 with json-rpc-2.0 1.8.1 and Node.js 20:
#   a batch of two: array of 2
#   a batch of one: object
#   a method that is a number: no answer
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
npm install --prefix "$folder" --silent --no-audit --no-fund json-rpc-2.0@1.8.1 || cannot "npm does not give json-rpc-2.0 1.8.1"
cat > "$folder/try.mjs" <<'END'
import { JSONRPCServer } from "json-rpc-2.0";
const server = new JSONRPCServer();
server.addMethod("m", () => 1);
const request = (id) => ({ jsonrpc: "2.0", method: "m", id });
const kind = (answer) => (answer == null ? "no answer" : Array.isArray(answer) ? `array of ${answer.length}` : "object");
const cases = {
  "a batch of two": [request(8), request(9)],
  "a batch of one": [request(9)],
  "a method that is a number": { jsonrpc: "2.0", method: 1, params: "bar" },
};
for (const [name, asked] of Object.entries(cases)) {
  console.log(`${name}: ${kind(await server.receiveJSON(JSON.stringify(asked)))}`);
}
END
timeout 60 node "$folder/try.mjs" | tee "$folder/seen"
cat > "$folder/expected" <<'END'
a batch of two: array of 2
a batch of one: object
a method that is a number: no answer
END
if cmp -s "$folder/seen" "$folder/expected"; then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
