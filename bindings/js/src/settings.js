// The options of the package, as `wasm/src/settings.rs` reads them.

/** Names that other packages have for the same, so that their users need not change them. */
const OTHERS = {
  connectionTimeout: (given, ms) => (given.connectTimeout ??= ms),
  minReconnectionDelay: (given, ms) => (given.minDelay ??= ms),
  maxReconnectionDelay: (given, ms) => (given.maxDelay ??= ms),
  reconnectionDelayGrowFactor: (given, factor) => (given.delayFactor ??= factor),
  maxRetries: (given, retries) => Number.isFinite(retries) && (given.maxAttempts ??= retries + 1),
  maxEnqueuedMessages: (given, messages) => Number.isFinite(messages) && (given.outboxMessages ??= Math.max(1, messages)),
};

/** One flat object of what was given. `pings`: the sockets can ping. */
export function settings(options, pings) {
  const { session, textPings, outbox = {}, retry = {}, heartbeat = {}, inbox = {} } = options;
  const [ping, pong] = Array.isArray(textPings) ? textPings : [textPings?.ping, textPings?.pong];
  const given = {
    session: session === true ? "require" : session || undefined,
    textPing: ping,
    textPong: pong,
    guarantee: options.guarantee ?? (outbox.store && session !== true && session !== "require" ? "at-least-once" : undefined),
    store: outbox.store === undefined ? undefined : `everwire.${outbox.store}`,
    outboxMessages: outbox.maxMessages,
    outboxBytes: outbox.maxBytes,
    overflow: outbox.overflow,
    maxAge: outbox.maxAge,
    minDelay: retry.minDelay,
    maxDelay: retry.maxDelay,
    delayFactor: retry.factor,
    jitter: retry.jitter,
    maxAttempts: retry.maxAttempts,
    maxElapsed: retry.maxElapsed,
    reconnectOnNormalClose: retry.onNormalClose === "reconnect",
    retryCodes: retry.retryCodes,
    stopCodes: retry.stopCodes,
    heartbeatInterval: heartbeat === false ? Infinity : heartbeat.interval,
    heartbeatTimeout: heartbeat === false ? undefined : heartbeat.timeout,
    inboxMessages: inbox.maxMessages ?? (inbox.maxBytes && 1024),
    inboxBytes: inbox.maxBytes ?? (inbox.maxMessages && 16 << 20),
    connectTimeout: options.connectTimeout,
    pings,
    sendRate: options.sendRate,
    batchWindow: options.batchWindow,
  };
  for (const [name, set] of Object.entries(OTHERS)) {
    if (options[name] !== undefined) set(given, options[name]);
  }
  // What can't be proven can't be promised: neither to keep it until it has arrived, nor to send it again if it has not.
  const isProven = given.session || given.textPing || pings;
  const promise = given.store ? "outbox.store" : given.guarantee === "at-least-once" && 'guarantee: "at-least-once"';
  if (promise && !isProven) throw new Error(`${promise} needs evidence of what arrives: a session, textPings, or npm's ws as WebSocket`);
  return given;
}
