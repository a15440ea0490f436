//! What a fuzz target does with its input: shared by `fuzz_targets/` and by the test that replays the corpus.

use bytes::BytesMut;
use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept};
use everwire_ws::{Config, Connection, Incoming, Limits, Role};

/// Small limits, so that the fuzzer reaches them.
const LIMITS: Limits = Limits { max_frame: 4096, max_message: 8192, max_fragments: 64 };

/// A peer's frames. First byte: the role and how the rest is cut into reads. However it is cut, the same things come out.
pub(crate) fn decoder(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let role = if first & 1 == 0 { Role::Client } else { Role::Server };
    let piece = usize::from(first >> 1).max(1);
    let whole = decode(role, stream, stream.len().max(1));
    let pieces = decode(role, stream, piece);
    assert_eq!(whole, pieces, "the same bytes, cut differently, mean the same");
}

/// Everything that comes out, and the error's words if it ended with one.
fn decode(role: Role, stream: &[u8], piece: usize) -> (Vec<Incoming>, Option<String>) {
    let mut config = Config::default();
    config.limits = LIMITS;
    let mut connection = Connection::new(role, config, [7; 32]);
    let mut all = Vec::new();
    for bytes in stream.chunks(piece) {
        connection.receive(bytes);
        loop {
            match connection.next_incoming() {
                Ok(Some(incoming)) => {
                    if let Incoming::Message(message) = &incoming {
                        assert!(message.len() <= LIMITS.max_message);
                    }
                    all.push(incoming);
                }
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
                let _ = accept(&request, |offered| offered.first().map(|first| (*first).to_owned()));
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
    let Some(mut client) = client else { unreachable!("the request is a constant") };
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
