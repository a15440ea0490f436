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

/** One flat object of what was given. */
export function settings(options) {
  const { session, textPings, outbox = {}, retry = {}, heartbeat = {}, inbox = {} } = options;
  const [ping, pong] = Array.isArray(textPings) ? textPings : [textPings?.ping, textPings?.pong];
  const given = {
    session: session === true ? "require" : session || undefined,
    textPing: ping,
    textPong: pong,
    guarantee: options.guarantee ?? (outbox.store && !session ? "at-least-once" : undefined),
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
    sendRate: options.sendRate,
    batchWindow: options.batchWindow,
  };
  for (const [name, set] of Object.entries(OTHERS)) {
    if (options[name] !== undefined) set(given, options[name]);
  }
  return given;
}
