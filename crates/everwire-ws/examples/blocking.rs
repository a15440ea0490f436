//! WebSockets without an async runtime: the protocol crate over `std::net`, a client and a server in two threads.
//!
//! `cargo run -p everwire-ws --example blocking`
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the I/O around the sans-IO crate")]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bytes::BytesMut;
use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept, response_bytes};
use everwire_ws::{CloseCode, Config, Connection, Incoming, Message, Phase, Role};
use http::Request;

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(listener.accept()?.0));
    talk(TcpStream::connect(address)?, &format!("ws://{address}/"))?;
    server.join().map_err(|_| "the server panicked")?
}

/// A connection, and the stream below it.
struct Blocking {
    stream: TcpStream,
    connection: Connection,
}

impl Blocking {
    /// Writes all that is queued.
    fn flush(&mut self) -> std::io::Result<()> {
        let outgoing = self.connection.outgoing().split();
        self.stream.write_all(&outgoing)
    }

    /// The next message, ping, pong or close frame; `None` at the end. Answers to pings are written on the way.
    fn next(&mut self) -> Done<Option<Incoming>> {
        loop {
            let incoming = self.connection.next_incoming();
            self.flush()?;
            match incoming? {
                Some(incoming) => return Ok(Some(incoming)),
                None if self.connection.phase() == Phase::Closed || !self.read()? => return Ok(None),
                None => {}
            }
        }
    }

    /// Reads once. False at the end.
    fn read(&mut self) -> std::io::Result<bool> {
        let mut chunk = [0; 4096];
        let count = self.stream.read(&mut chunk)?;
        self.connection.receive(&chunk[..count]);
        Ok(count > 0)
    }
}

fn talk(mut stream: TcpStream, url: &str) -> Done<()> {
    // In a real client the nonce and the seed must come from the operating system's randomness.
    let mut handshake = ClientHandshake::new(&Request::get(url).body(())?, &[], [7; 16])?;
    stream.write_all(&handshake.request_bytes())?;
    let mut input = BytesMut::new();
    while handshake.receive(&mut input, false)?.is_none() {
        read_some(&mut stream, &mut input)?;
    }
    let mut connection = Connection::new(Role::Client, Config::default(), [7; 32]);
    connection.receive(&input);
    let mut socket = Blocking { stream, connection };

    assert!(socket.connection.send(&Message::text("hello")));
    socket.flush()?;
    if let Some(Incoming::Message(message)) = socket.next()? {
        println!("the server answers {:?}", message.as_text().unwrap_or_default());
    }
    socket.connection.close(CloseCode::NORMAL, "done");
    socket.flush()?;
    while socket.next()?.is_some() {}
    println!("closed: {:?}", socket.connection.phase());
    Ok(())
}

/// Echoes until the client closes.
fn serve(mut stream: TcpStream) -> Done<()> {
    let (mut handshake, mut input) = (ServerHandshake::new(), BytesMut::new());
    let request = loop {
        match handshake.receive(&mut input)? {
            Some(request) => break request,
            None => read_some(&mut stream, &mut input)?,
        }
    };
    stream.write_all(&response_bytes(&accept(&request, |_offered| None)?.response))?;
    let mut connection = Connection::new(Role::Server, Config::default(), [0; 32]);
    connection.receive(&input);
    let mut socket = Blocking { stream, connection };
    while let Some(incoming) = socket.next()? {
        if let Incoming::Message(message) = incoming {
            let _ = socket.connection.send(&message);
            socket.flush()?;
        }
    }
    Ok(())
}

fn read_some(stream: &mut TcpStream, input: &mut BytesMut) -> std::io::Result<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        count => {
            input.extend_from_slice(&chunk[..count]);
            Ok(())
        }
    }
}
