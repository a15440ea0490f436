//! The Everwire client and server with foreign WebSocket programs.
//!
//! Every peer runs one of two conversations, as far as its role and its features allow; cases for a single
//! peer are in its own file.
//!
//! | module | what |
//! |---|---|
//! | `their_client`, `their_server` | the conversations: messages of all kinds and sizes, pings, compression, closing |
//! | `our_client` | waiting for our client |
//! | `ws`, `undici` | JavaScript |
//! | `python` | `websockets` and `aiohttp` |
//! | `okhttp` | Java |
//! | `chromium` | a browser |
//! | `plain` | clients in Python that write the plain format in several ways |
//! | `json_rpc` | a foreign JSON-RPC 2.0 client and server, in a call |
//! | `chat` | plain clients of three languages in the chat |
//! | `proxies` | nginx and HAProxy between our client and our server |
//! | `servers` | the rows of `docs/servers.md`; Cowboy |
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod chat;
mod chromium;
mod json_rpc;
mod okhttp;
mod our_client;
mod plain;
mod proxies;
mod python;
mod servers;
mod their_client;
mod their_server;
mod undici;
mod ws;
