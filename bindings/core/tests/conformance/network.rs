//! The server and the proxy, as processes of the `everwire` binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::script::ServerOptions;

/// A process that ends with its value.
struct Process {
    child: Child,
    /// What it said first.
    first_line: String,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(binary()).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        output.read_line(&mut first_line).unwrap();
        // Nobody reads on; what it says further is thrown away.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { child, first_line }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `EVERWIRE_BINARY`, or what `cargo build` has put into the root's target folder.
fn binary() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/everwire");
    let path = std::env::var_os("EVERWIRE_BINARY").map_or_else(|| built.into(), PathBuf::from);
    assert!(path.exists(), "{} is not there: run `cargo build` in the root, or set EVERWIRE_BINARY", path.display());
    path
}

pub(crate) struct Network {
    server: Option<Process>,
    server_address: String,
    _proxy: Process,
    proxy_address: String,
    control: String,
    _schedule: Option<tempfile::NamedTempFile>,
}

impl Network {
    pub(crate) fn start(schedule: Option<&str>, options: ServerOptions) -> Self {
        let (server, server_address) = serve("127.0.0.1:0", options);
        let schedule = schedule.map(|text| {
            let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        });
        let mut args = vec!["proxy", "--json", "--to", &server_address, "--control", "127.0.0.1:0"];
        if let Some(file) = &schedule {
            args.extend(["--schedule", file.path().to_str().unwrap()]);
        }
        let proxy = Process::start(&args);
        let control = text_of(&proxy.first_line, "control");
        let proxy_address = text_of(&proxy.first_line, "listen");
        Self { server: Some(server), server_address, _proxy: proxy, proxy_address, control, _schedule: schedule }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.proxy_address)
    }

    /// Stops the server, or starts it where it was.
    pub(crate) fn server(&mut self, run: bool, options: ServerOptions) {
        self.server = None;
        if run {
            self.server = Some(serve(&self.server_address, options).0);
        }
    }

    /// `POST`s to the proxy's control.
    pub(crate) fn fault(&self, path: &str) {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let host = &self.control;
        write!(stream, "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
}

fn serve(address: &str, options: ServerOptions) -> (Process, String) {
    let code = options.close_with.map(|code| code.to_string());
    let mut args = vec!["echo", "--listen", address];
    if let Some(code) = &code {
        args.extend(["--close-with", code]);
    }
    let server = Process::start(&args);
    let (_, rest) =
        server.first_line.split_once("ws://").unwrap_or_else(|| panic!("echo said {:?}", server.first_line));
    let address = rest.trim_end().trim_end_matches('/').to_owned();
    (server, address)
}

/// A text out of a flat JSON object.
fn text_of(json: &str, key: &str) -> String {
    let (_, rest) = json.split_once(&format!("\"{key}\":\"")).unwrap_or_else(|| panic!("no {key} in {json:?}"));
    rest.split('"').next().unwrap().to_owned()
}
