//! A minimal HTTP client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::support::PATIENCE;

/// Sends a request; returns the response's status and whole body.
pub(crate) fn request(address: &str, method: &str, target: &str, headers: &str, body: &str) -> (u16, String) {
    let (status, mut reader) = open(address, method, target, headers, body);
    let mut body = String::new();
    reader.read_to_string(&mut body).unwrap();
    (status, body)
}

/// Sends a request; returns the response's status and a reader of its body. The request is HTTP/1.0, so the body is not chunked.
pub(crate) fn open(
    address: &str,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> (u16, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head =
        format!("{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect(&line);
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    (status, reader)
}
