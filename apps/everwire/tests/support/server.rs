//! Scripted servers, on threads. They use tungstenite, so that Everwire's protocol code is tested against another one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept, accept_hdr};

use super::PATIENCE;

/// Listens until dropped; then its connections are cut, as if the server were killed.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
    pub(crate) heard: Receiver<Heard>,
    listening: Option<thread::JoinHandle<()>>,
}

/// What a server has received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Connection(Instant),
    Header(Option<String>),
    Message(Message),
    Closed(Option<u16>),
}

impl Server {
    /// Each connection is handed to `serve` on a thread of its own.
    pub(crate) fn start(serve: impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", serve)
    }

    pub(crate) fn on(address: &str, serve: impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let (sender, heard) = channel();
        let streams = Arc::clone(&open);
        let serve = Arc::new(serve);
        let listening = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match streams.lock().expect("no poison").as_mut() {
                    Some(streams) => streams.push(stream.try_clone().expect("a handle")),
                    None => return,
                }
                let _ = sender.send(Heard::Connection(Instant::now()));
                let (sender, serve) = (sender.clone(), Arc::clone(&serve));
                thread::spawn(move || {
                    let handle = stream.try_clone();
                    serve(stream, &sender);
                    // The list above holds a handle too, which would keep the connection open.
                    let _ = handle.map(|stream| stream.shutdown(std::net::Shutdown::Both));
                });
            }
        });
        Self { address, open, heard, listening: Some(listening) }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("something reaches the server")
    }

    pub(crate) fn next_message(&self) -> Message {
        self.next_of(|heard| if let Heard::Message(message) = heard { Some(message) } else { None })
    }

    pub(crate) fn next_close(&self) -> Option<u16> {
        self.next_of(|heard| if let Heard::Closed(code) = heard { Some(code) } else { None })
    }

    /// Skips reports of other kinds; all within the time for one.
    fn next_of<T>(&self, pick: impl Fn(Heard) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = self.heard.recv_timeout(left).expect("what is waited for reaches the server");
            if let Some(picked) = pick(heard) {
                return picked;
            }
        }
    }

    /// When each connection so far came.
    pub(crate) fn connections(&self) -> Vec<Instant> {
        let heard = self.heard.try_iter();
        heard.filter_map(|heard| if let Heard::Connection(at) = heard { Some(at) } else { None }).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let streams = self.open.lock().expect("no poison").take();
        for stream in streams.into_iter().flatten() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Wakes the listening thread, which then ends and frees the port.
        let _ = TcpStream::connect(self.address);
        let _ = self.listening.take().map(thread::JoinHandle::join);
    }
}

/// Forwards everything, but holds back the responses to token refreshes until it is told to go on.
pub(crate) struct Holding {
    pub(crate) front: Server,
    go_on: Arc<(Mutex<bool>, Condvar)>,
}

impl Holding {
    pub(crate) fn on(listen: &str, address: &str) -> Self {
        let (to, go_on) = (address.to_owned(), Arc::new((Mutex::new(false), Condvar::new())));
        let gate = Arc::clone(&go_on);
        let front = Server::on(listen, move |mut near, heard| {
            let mut far = TcpStream::connect(&to).expect("the server listens");
            let mut first = [0; 4096];
            let read = near.read(&mut first).unwrap_or_default();
            far.write_all(&first[..read]).expect("the server reads");
            let line = String::from_utf8_lossy(&first[..read]).lines().next().unwrap_or_default().to_owned();
            let is_held = line.contains("/api/refresh");
            let _ = heard.send(Heard::Header(Some(line)));
            let (mut far_in, mut near_out) = (far.try_clone().expect("a handle"), near.try_clone().expect("a handle"));
            let gate = Arc::clone(&gate);
            let back = thread::spawn(move || {
                if is_held {
                    let (is_open, opened) = &*gate;
                    let is_open = is_open.lock().expect("no poison");
                    let waited = opened.wait_timeout_while(is_open, PATIENCE, |is_open| !*is_open);
                    assert!(!waited.expect("no poison").1.timed_out(), "it is let go on");
                }
                let _ = std::io::copy(&mut far_in, &mut near_out);
                let _ = near_out.shutdown(std::net::Shutdown::Both);
            });
            let _ = std::io::copy(&mut near, &mut far);
            let _ = far.shutdown(std::net::Shutdown::Write);
            let _ = back.join();
        });
        Self { front, go_on }
    }

    pub(crate) fn go_on(&self) {
        *self.go_on.0.lock().expect("no poison") = true;
        self.go_on.1.notify_all();
    }
}

/// An address without a listener, reserved while this lives.
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    _bound: tokio::net::TcpSocket,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("some port is free");
        Self { address: socket.local_addr().expect("it is bound"), _bound: socket }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

/// Sends every message back.
pub(crate) fn echo(stream: TcpStream, heard: &Sender<Heard>) {
    conversation(stream, heard, true);
}

/// Reads and sends nothing.
pub(crate) fn sink(stream: TcpStream, heard: &Sender<Heard>) {
    conversation(stream, heard, false);
}

/// Accepts, then closes at once with this code.
pub(crate) fn close_with(code: u16) -> impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static {
    move |stream, _| {
        let Ok(mut socket) = accept(stream) else { return };
        let _ = socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: "as scripted".into() }));
        while socket.read().is_ok() {}
    }
}

/// Answers the request with this instead of an upgrade.
pub(crate) fn answer(response: &'static str) -> impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static {
    move |mut stream, heard| {
        let request = read_head(&mut stream);
        let _ = heard.send(Heard::Header(authorization(&request)));
        // Unread bytes would reset the connection, and the answer would be lost.
        let _ = stream.read_exact(&mut vec![0; body_length(&request)]);
        let _ = stream.write_all(response.as_bytes());
    }
}

/// Accepts, sends these messages, then only reads.
pub(crate) fn greet(messages: Vec<Message>) -> impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static {
    move |stream, heard| {
        let Ok(mut socket) = accept(stream) else { return };
        for message in &messages {
            let _ = socket.send(message.clone());
        }
        listen(&mut socket, heard, false);
    }
}

/// Accepts, reports the credentials of the request, then echoes.
#[allow(clippy::result_large_err, reason = "the callback's type is given")]
pub(crate) fn tell_authorization(stream: TcpStream, heard: &Sender<Heard>) {
    let callback = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let _ = heard.send(Heard::Header(header.map(str::to_owned)));
        Ok(response)
    };
    if let Ok(mut socket) = accept_hdr(stream, callback) {
        listen(&mut socket, heard, true);
    }
}

/// Accepts the upgrade, then neither reads nor writes, but keeps the connection.
pub(crate) fn black_hole(mut stream: TcpStream, _: &Sender<Heard>) {
    upgrade_by_hand(&mut stream);
    thread::park_timeout(PATIENCE);
}

/// Accepts, reads up to the first text, reports it, and does nothing more.
pub(crate) fn mute(stream: TcpStream, heard: &Sender<Heard>) {
    let Ok(mut socket) = accept(stream) else { return };
    while let Ok(message) = socket.read() {
        if message.is_text() {
            let _ = heard.send(Heard::Message(message));
            return thread::park_timeout(PATIENCE);
        }
    }
}

/// Accepts the upgrade, greets once three frames of one character have been sent to it, and reads nothing ever.
pub(crate) fn greeting_black_hole(mut stream: TcpStream, _: &Sender<Heard>) {
    upgrade_by_hand(&mut stream);
    // A head of two bytes, a masking key of four and the character, each.
    let mut frames = [0; 21];
    while matches!(stream.peek(&mut frames), Ok(1..21)) {
        thread::yield_now();
    }
    let _ = stream.write_all(b"\x81\x07welcome");
    thread::park_timeout(PATIENCE);
}

fn upgrade_by_hand(stream: &mut TcpStream) {
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
    let head = read_head(stream);
    let key = head.lines().find(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key:"));
    let key = key.and_then(|line| line.split_once(':')).map_or("", |(_, key)| key.trim());
    let accept = derive_accept_key(key.as_bytes());
    let _ = stream.write_all(
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
            .as_bytes(),
    );
}

/// An HTTP proxy that forwards every CONNECT to this address, and reports the request.
pub(crate) fn proxy(to: SocketAddr) -> impl Fn(TcpStream, &Sender<Heard>) + Send + Sync + 'static {
    move |mut near, heard| {
        let head = read_head(&mut near);
        let _ = heard.send(Heard::Header(head.lines().next().map(str::to_owned)));
        let Ok(mut far) = TcpStream::connect(to) else { return };
        let _ = near.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let (Ok(mut near_out), Ok(mut far_in)) = (near.try_clone(), far.try_clone()) else { return };
        let back = thread::spawn(move || {
            let _ = std::io::copy(&mut far_in, &mut near_out);
            let _ = near_out.shutdown(std::net::Shutdown::Both);
        });
        let _ = std::io::copy(&mut near, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Both);
        let _ = back.join();
    }
}

fn conversation(stream: TcpStream, heard: &Sender<Heard>, echo: bool) {
    if let Ok(mut socket) = accept(stream) {
        listen(&mut socket, heard, echo);
    }
}

fn listen(socket: &mut WebSocket<TcpStream>, heard: &Sender<Heard>, echo: bool) {
    while let Ok(message) = socket.read() {
        match &message {
            Message::Text(_) | Message::Binary(_) => {
                let _ = heard.send(Heard::Message(message.clone()));
                if echo {
                    let _ = socket.send(message);
                }
            }
            Message::Close(frame) => {
                let _ = heard.send(Heard::Closed(frame.as_ref().map(|frame| frame.code.into())));
            }
            _ => {}
        }
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn body_length(head: &str) -> usize {
    let line =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

fn authorization(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:"))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}
