//! `everwire connect --compression`, against a server with its own decompressor that answers with the RFC's example.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Sender;

use flate2::{Decompress, FlushDecompress};
use support::Everwire;
use support::server::{Heard, Server};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, accept_hdr};

/// A text frame of RFC 7692 section 7.2.3.1: "Hello", compressed.
const HELLO: [u8; 9] = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const COMPRESSED: u8 = 0x40;

/// Reads a client's frame: its first byte, and its unmasked payload.
fn frame(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            u16::from_be_bytes(length)
        }
        length => length.into(),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask)?;
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload)?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok((head[0], payload))
}

/// Decompresses a payload (RFC 7692 section 7.2.2).
#[allow(clippy::expect_used, reason = "this is how a test fails")]
fn inflate(payload: &[u8], inflater: &mut Decompress) -> String {
    let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut text = Vec::with_capacity(1 << 20);
    inflater.decompress_vec(&whole, &mut text, FlushDecompress::Sync).expect("a DEFLATE stream");
    String::from_utf8(text).expect("text")
}

/// Accepts compression if it is offered, reports the offer and each decompressed text, and answers each with "Hello".
#[allow(clippy::result_large_err, reason = "the signature of tungstenite's callback")]
fn serve(mut stream: TcpStream, heard: &Sender<Heard>) {
    let mut offered = None;
    let agree = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let offer = request.headers().get("sec-websocket-extensions");
        offered = offer.and_then(|offer| offer.to_str().ok()).map(str::to_owned);
        if offered.is_some() {
            let agreed = HeaderValue::from_static("permessage-deflate; server_no_context_takeover");
            response.headers_mut().insert("sec-websocket-extensions", agreed);
        }
        Ok(response)
    };
    let Ok(handle) = stream.try_clone() else { return };
    if accept_hdr(handle, agree).is_err() {
        return;
    }
    let compresses = offered.is_some();
    let _ = heard.send(Heard::Header(offered));
    let mut inflater = Decompress::new(false);
    while let Ok((first, payload)) = frame(&mut stream) {
        let answer = match first & 0x0f {
            1 => {
                let text = if first & COMPRESSED == 0 {
                    format!("plain: {}", String::from_utf8_lossy(&payload))
                } else {
                    format!("{} bytes: {}", payload.len(), inflate(&payload, &mut inflater))
                };
                let _ = heard.send(Heard::Message(Message::from(text)));
                if compresses { HELLO.to_vec() } else { b"\x81\x05Plain".to_vec() }
            }
            9 => [&[0x8a, payload.len() as u8], &payload[..]].concat(),
            8 => [&[0x88, payload.len() as u8], &payload[..]].concat(),
            _ => return,
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

#[test]
fn with_compression_lines_are_sent_and_received_compressed() {
    let server = Server::start(serve);
    let mut everwire = Everwire::start(&["connect", &server.url(), "--compression"]);
    let line = "the same again; ".repeat(100);
    everwire.say(&line);
    everwire.say(&line);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["Hello", "Hello"]);
    let Heard::Connection(_) = server.next() else { panic!("a connection comes first") };
    let Heard::Header(Some(offer)) = server.next() else { panic!("compression is offered") };
    assert!(offer.starts_with("permessage-deflate"), "{offer}");
    for _ in 0..2 {
        let message = server.next_message().to_string();
        let (bytes, text) = message.split_once(" bytes: ").expect("a compressed message");
        assert_eq!(text, line);
        assert!(bytes.parse::<usize>().is_ok_and(|bytes| bytes < line.len() / 10), "{bytes} bytes");
    }
}

#[test]
fn without_the_option_compression_is_not_offered() {
    let server = Server::start(serve);
    let mut everwire = Everwire::start(&["connect", &server.url()]);
    let line = "the same again; ".repeat(100);
    everwire.say(&line);
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["Plain"]);
    let Heard::Connection(_) = server.next() else { panic!("a connection comes first") };
    assert_eq!(server.next(), Heard::Header(None));
    assert_eq!(server.next_message().to_string(), format!("plain: {line}"));
}
