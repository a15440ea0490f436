use std::hint::black_box;

use bytes::Bytes;
use bytestring::ByteString;
use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept_with, response_bytes};
use everwire_ws::{Config, Connection, Deflate, Extensions, Incoming, Message, Role};

use super::{Operations, chat};
use crate::measure::measured;

/// Messages in each read and each write.
const BATCH: usize = 1000;
const ROUNDS: usize = 20;

fn client(config: Config) -> Connection {
    Connection::new(Role::Client, config, [7; 32])
}

fn server(config: Config) -> Connection {
    Connection::new(Role::Server, config, [0; 32])
}

/// Encodes a client's text messages of 32 bytes, masked, into its buffer.
pub(super) fn encode_small() -> Operations {
    let mut client = client(Config::default());
    let message = Message::from(ByteString::from("x".repeat(32)));
    let mut sent = 0;
    for _ in 0..ROUNDS {
        measured(&mut || sent += (0..BATCH).filter(|_| client.send(black_box(&message))).count());
        client.outgoing().clear();
    }
    Ok(sent as u64)
}

/// Decodes the same from a server's buffer, as owned messages.
pub(super) fn decode_small() -> Operations {
    let (mut client, mut server) = (client(Config::default()), server(Config::default()));
    let message = Message::from(ByteString::from("x".repeat(32)));
    let mut read = 0;
    for _ in 0..ROUNDS {
        for _ in 0..BATCH {
            // It can't fail: the connection is not closing.
            let _ = client.send(&message);
        }
        server.receive(&client.outgoing().split());
        measured(&mut || read += read_all(&mut server));
    }
    Ok(read)
}

fn read_all(connection: &mut Connection) -> u64 {
    let mut messages = 0;
    while let Ok(Some(Incoming::Message(message))) = connection.next_incoming() {
        black_box(&message);
        messages += 1;
    }
    connection.end_batch();
    messages
}

/// Encodes a binary message of 64 KiB, masked, and decodes it in the pieces in which a kernel delivers it.
pub(super) fn large() -> Operations {
    let (mut client, mut server) = (client(Config::default()), server(Config::default()));
    let message = Message::binary(Bytes::from(vec![7; 64 << 10]));
    let mut read = 0;
    for _ in 0..ROUNDS {
        measured(&mut || {
            let _ = client.send(black_box(&message));
            for piece in client.outgoing().chunks(16 << 10) {
                let mut piece = piece;
                while !piece.is_empty() {
                    let room = server.reserve(piece.len());
                    let fits = (room.capacity() - room.len()).min(piece.len());
                    room.extend_from_slice(&piece[..fits]);
                    piece = &piece[fits..];
                    read += read_all(&mut server);
                }
            }
        });
        client.outgoing().clear();
    }
    Ok(read)
}

/// Compresses and decompresses chat JSON of some 1 KiB, with the default settings.
pub(super) fn deflate() -> Operations {
    let (extensions, agreed) = agree()?;
    let mut config = Config::default();
    config.extensions = extensions;
    let mut client = client(config.clone());
    config.extensions = agreed;
    let mut server = server(config);
    let lines = chat::lines();
    let mut read = 0;
    for lines in lines.chunks(8).cycle().take(ROUNDS) {
        let message = Message::from(format!("[{}]", lines.join(",")));
        measured(&mut || {
            let _ = client.send(black_box(&message));
            server.receive(&client.outgoing().split());
            read += read_all(&mut server);
        });
    }
    Ok(read)
}

/// The extensions that a client and a server agree on in an opening handshake.
fn agree() -> Result<(Extensions, Extensions), Box<dyn std::error::Error>> {
    let request = http::Request::get("ws://example.org/").body(())?;
    let mut client = ClientHandshake::new(&request, &[], [7; 16])?.compression(Deflate::default());
    let request = ServerHandshake::new().receive(&mut client.request_bytes().into())?.ok_or("no request")?;
    let accepted = accept_with(&request, |_| None, Some(&Deflate::default())).map_err(|_| "refused")?;
    let response = accepted.response.map(|()| String::new());
    let answer = client.receive(&mut response_bytes(&response).into(), false)?.ok_or("no response")?;
    Ok((answer.extensions, accepted.extensions))
}
