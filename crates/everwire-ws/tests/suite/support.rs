//! Frames made by hand, independent of the crate's own encoder.

use everwire_ws::{Config, Connection, Incoming, Limits, ProtocolError, Role};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame with the given first byte, masked if there is a key.
pub(crate) fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        n @ 0..=125 => out.push(mask | n as u8),
        n @ 126..=0xffff => {
            out.push(mask | 126);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(mask | 127);
            out.extend((n as u64).to_be_bytes());
        }
    }
    match key {
        Some(key) => {
            out.extend(key);
            out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
        }
        None => out.extend(payload),
    }
    out
}

/// The key that frames to this role have.
pub(crate) fn key_to(role: Role) -> Option<[u8; 4]> {
    match role {
        Role::Client => None,
        Role::Server => Some(KEY),
    }
}

pub(crate) fn connection(role: Role) -> Connection {
    Connection::new(role, Config::default(), [42; 32])
}

pub(crate) fn limited(role: Role, limits: Limits) -> Connection {
    let mut config = Config::default();
    config.limits = limits;
    Connection::new(role, config, [42; 32])
}

/// Everything that comes out, a held-back error included.
pub(crate) fn drain(connection: &mut Connection) -> Result<Vec<Incoming>, ProtocolError> {
    let mut all = Vec::new();
    loop {
        match connection.next_incoming()? {
            Some(incoming) => all.push(incoming),
            None if connection.is_failing() => {}
            None => return Ok(all),
        }
    }
}

/// The same, with all that can be taken in place taken so.
pub(crate) fn drain_in_place(connection: &mut Connection) -> Result<Vec<Incoming>, ProtocolError> {
    let mut all = Vec::new();
    loop {
        while let Some(message) = connection.next_ref() {
            all.push(Incoming::Message(message.to_message()));
        }
        match connection.next_incoming()? {
            Some(incoming) => all.push(incoming),
            None if connection.is_failing() => {}
            None => return Ok(all),
        }
    }
}

/// What a connection makes of these bytes, given in pieces.
pub(crate) fn receive_in(
    connection: &mut Connection,
    bytes: &[u8],
    piece: usize,
) -> Result<Vec<Incoming>, ProtocolError> {
    let mut all = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        connection.receive(piece);
        all.extend(drain(connection)?);
    }
    Ok(all)
}

/// The error that these bytes end in, in one piece and byte by byte alike.
pub(crate) fn error(role: Role, bytes: &[u8]) -> ProtocolError {
    let whole = receive_in(&mut connection(role), bytes, bytes.len()).unwrap_err();
    let bytewise = receive_in(&mut connection(role), bytes, 1).unwrap_err();
    assert_eq!(whole, bytewise);
    whole
}

/// The frames in some bytes: first byte and unmasked payload.
pub(crate) fn parse(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let masked = bytes[1] & 0x80 != 0;
        let (length, mut at) = match bytes[1] & 0x7f {
            126 => (u16::from_be_bytes([bytes[2], bytes[3]]).into(), 4),
            127 => (u64::from_be_bytes(bytes[2..10].try_into().unwrap()) as usize, 10),
            n => (n.into(), 2),
        };
        let mut key = [0; 4];
        if masked {
            key.copy_from_slice(&bytes[at..at + 4]);
            at += 4;
        }
        let payload = bytes[at..at + length].iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        frames.push((bytes[0], payload));
        bytes = &bytes[at + length..];
    }
    frames
}

/// A close frame's payload.
pub(crate) fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}
