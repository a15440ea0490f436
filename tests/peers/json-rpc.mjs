// JSON-RPC 2.0 by the package json-rpc-2.0: its client, whose requests go out as lines and whose responses come in as lines,
// and its server, for comparison. A line is JSON: `{"run": true}` starts the client's conversation, `{"response": text}` is for
// it, `{"serve": text}` asks the server.

import { createInterface } from 'node:readline';
import jsonRpc from 'json-rpc-2.0';

const print = (line) => console.log(JSON.stringify(line));

const server = new jsonRpc.JSONRPCServer({ errorListener: () => {} });
server.addMethod('subtract', (params) =>
  Array.isArray(params) ? params[0] - params[1] : params.minuend - params.subtrahend,
);
server.addMethod('update', () => null);

const client = new jsonRpc.JSONRPCClient((request) => print({ request: JSON.stringify(request) }));

async function codeOf(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.code;
  }
}

async function converse() {
  const results = [];
  results.push(await client.request('subtract', [42, 23]));
  results.push(await client.request('subtract', { subtrahend: 23, minuend: 42 }));
  client.notify('update', [1, 2, 3]);
  results.push(await codeOf(client.request('foobar')));
  results.push(await codeOf(client.request('subtract', ['a'])));
  results.push(await codeOf(client.request('panic')));
  // Several at once, answered in any order.
  results.push(await Promise.all([1, 2, 3, 4].map((number) => client.request('subtract', [number, 1]))));
  const batch = await client.requestAdvanced([
    { jsonrpc: '2.0', id: 'first', method: 'subtract', params: [5, 3] },
    { jsonrpc: '2.0', id: 'second', method: 'foobar' },
  ]);
  results.push(batch.map(({ id, result, error }) => [id, result ?? error.code]));
  print({ results });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { run, response, serve } = JSON.parse(line);
  if (run) converse();
  if (response !== undefined) client.receive(JSON.parse(response));
  if (serve !== undefined) print({ answer: await server.receiveJSON(serve) });
}
