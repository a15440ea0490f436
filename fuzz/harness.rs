//! What a fuzz target does with its input: shared by `fuzz_targets/` and by the test that replays the corpus.

use bytes::BytesMut;
use everwire_ws::handshake::{ClientHandshake, Extensions, ServerHandshake, accept_with, response_bytes};
use everwire_ws::{Config, Connection, Deflate, Incoming, Limits, Message, Role};

/// Small limits, so that the fuzzer reaches them.
const LIMITS: Limits = Limits { max_frame: 4096, max_message: 8192, max_fragments: 64 };

/// A peer's frames. First byte: the role and how the rest is cut into reads. However it is cut, the same things come out.
pub(crate) fn decoder(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let role = if first & 1 == 0 { Role::Client } else { Role::Server };
    let piece = usize::from(first >> 1).max(1);
    let plain = Extensions::default();
    let whole = decode(role, LIMITS, &plain, stream, stream.len().max(1));
    let pieces = decode(role, LIMITS, &plain, stream, piece);
    assert_eq!(whole, pieces, "the same bytes, cut differently, mean the same");
}

/// Compressed frames. First byte: whether the peer keeps its context, and how the rest is cut into reads. However it is
/// cut, the same things come out, and what came out goes through our own compression and back.
pub(crate) fn inflate(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let mut settings = Deflate::default();
    settings.threshold = 0;
    settings.keep_own_context = first & 1 == 0;
    settings.keep_peer_context = settings.keep_own_context;
    settings.max_ratio = 16;
    let (client, server) = negotiated(settings);
    let piece = usize::from(first >> 1).max(1);
    let (whole, error) = decode(Role::Client, LIMITS, &client, stream, stream.len().max(1));
    let (pieces, error_in_pieces) = decode(Role::Client, LIMITS, &client, stream, piece);
    assert_eq!(whole, pieces, "the same bytes, cut differently, mean the same");
    assert_eq!(error.is_some(), error_in_pieces.is_some());

    let messages: Vec<&Message> = whole
        .iter()
        .filter_map(|incoming| match incoming {
            Incoming::Message(message) => Some(message),
            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_) => None,
        })
        .collect();
    let mut config = Config::default();
    config.extensions = server;
    let mut sender = Connection::new(Role::Server, config, [0; 32]);
    for message in &messages {
        assert!(sender.send(message));
    }
    let (again, error) = decode(Role::Client, Limits::default(), &client, sender.outgoing(), piece);
    assert_eq!(error, None);
    let expected: Vec<_> = messages.into_iter().cloned().map(Incoming::Message).collect();
    assert_eq!(again, expected);
}

/// What a client's and a server's handshakes with these settings agree on.
fn negotiated(settings: Deflate) -> (Extensions, Extensions) {
    let request = http::Request::get("ws://localhost/").body(()).ok();
    let client = request.and_then(|request| ClientHandshake::new(&request, &[], [1; 16]).ok());
    let Some(client) = client else { unreachable!("the request is a constant") };
    let mut client = client.compression(settings);
    let mut input = BytesMut::from(&client.request_bytes()[..]);
    let request = ServerHandshake::new().receive(&mut input).ok().flatten();
    let servers = request.and_then(|request| accept_with(&request, |_| None, Some(&settings)).ok());
    let Some(servers) = servers else { unreachable!("our own request") };
    let mut input = BytesMut::from(&response_bytes(&servers.response)[..]);
    match client.receive(&mut input, false) {
        Ok(Some(clients)) => (clients.extensions, servers.extensions),
        _ => unreachable!("our own response"),
    }
}

/// Everything that comes out, and the error's words if it ended with one.
fn decode(
    role: Role,
    limits: Limits,
    extensions: &Extensions,
    stream: &[u8],
    piece: usize,
) -> (Vec<Incoming>, Option<String>) {
    let mut config = Config::default();
    config.limits = limits;
    config.extensions = extensions.clone();
    let mut connection = Connection::new(role, config, [7; 32]);
    let mut all = Vec::new();
    for bytes in stream.chunks(piece) {
        connection.receive(bytes);
        loop {
            match connection.next_incoming() {
                Ok(Some(incoming)) => {
                    if let Incoming::Message(message) = &incoming {
                        assert!(message.len() <= limits.max_message);
                    }
                    all.push(incoming);
                }
                Ok(None) if connection.is_failing() => {}
                Ok(None) => break,
                Err(error) => {
                    assert!(error.close_code().is_allowed_on_wire());
                    return (all, Some(error.to_string()));
                }
            }
        }
        // What we would send must itself be bounded: pongs, and one close frame.
        assert!(connection.buffered() <= 16 << 10);
    }
    (all, None)
}

/// Bytes in the place of an opening handshake, on both sides. First byte: how they are cut into reads.
pub(crate) fn handshake(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let piece = usize::from(first).max(1);

    let mut server = ServerHandshake::new();
    let mut input = BytesMut::new();
    for bytes in stream.chunks(piece) {
        input.extend_from_slice(bytes);
        match server.receive(&mut input) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let choose = |offered: &[&str]| offered.first().map(|first| (*first).to_owned());
                let _ = accept_with(&request, choose, Some(&Deflate::default()));
                break;
            }
            Err(error) => {
                let _ = error.to_string();
                break;
            }
        }
    }

    let request = http::Request::get("ws://localhost/").body(()).ok();
    let client = request.and_then(|request| ClientHandshake::new(&request, &["a".to_owned()], [1; 16]).ok());
    let Some(client) = client else { unreachable!("the request is a constant") };
    let mut client = client.compression(Deflate::default());
    let mut input = BytesMut::new();
    for bytes in stream.chunks(piece) {
        input.extend_from_slice(bytes);
        match client.receive(&mut input, false) {
            Ok(None) => {}
            Ok(Some(_)) => return,
            Err(error) => {
                let _ = error.to_string();
                return;
            }
        }
    }
    let _ = client.receive(&mut input, true);
}
