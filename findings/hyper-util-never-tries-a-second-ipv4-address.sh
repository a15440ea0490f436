#!/usr/bin/env bash
# hyper-util 0.1.21's HttpConnector does not try the second IPv4 address of a name while the first is silent.
#
# Its happy eyeballs run between the two families. Within one, the next address is tried only when the one before has failed,
# and without set_connect_timeout nothing of its own makes a silent one fail: that takes the system's SYN retries, some two
# minutes on Linux. Whoever bounds a request by a shorter time-out, as most do, never comes to the second address of an
# outage, however often it tries: each attempt starts at the first one again. set_connect_timeout helps, since it is divided
# among the addresses. RFC 8305 section 5 has the next address tried after 250 ms, whatever the families.
#
# Here a resolver gives 127.0.0.2, whose listener's queue is full so that SYNs are dropped, and 127.0.0.1, which accepts.
#
# Seen on 2026-11-30 with hyper-util 0.1.21, Linux:
#   silent first, as it comes: nothing after 10 s; the second address was asked 0 times
#   silent first, set_connect_timeout(2 s): connected after 1.0 s
#   silent second: connected after 0.0 s
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v cargo > /dev/null || cannot "Rust's cargo is needed"
[ "$(uname)" = Linux ] || cannot "this needs Linux: all of 127.0.0.0/8, and a full queue that drops SYNs"
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
hyper-util = { version = "=0.1.21", features = ["client-legacy", "http1", "tokio"] }
tokio = { version = "1", features = ["full"] }
tower = { version = "0.5", features = ["util"] }

[workspace]
END
cat > "$folder/src/main.rs" <<'END'
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use tower::{ServiceExt, service_fn};

#[tokio::main]
async fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|arg| arg.parse().expect("a number")).collect();
    let [port, first, limit_ms] = args[..] else { panic!("port, first address, limit") };
    let address = |last: u64| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last as u8), 0));
    let order = [address(first), address(3 - first)];
    let resolver = service_fn(move |_: Name| async move { Ok::<_, std::io::Error>(order.into_iter()) });
    let mut connector = HttpConnector::new_with_resolver(resolver);
    if limit_ms > 0 {
        connector.set_connect_timeout(Some(Duration::from_millis(limit_ms)));
    }
    let start = Instant::now();
    let uri = format!("http://two.addresses:{port}/").parse().expect("a URI");
    match tokio::time::timeout(Duration::from_secs(10), connector.oneshot(uri)).await {
        Ok(Ok(_)) => println!("connected after {:.1} s", start.elapsed().as_secs_f64()),
        Ok(Err(error)) => println!("failed after {:.1} s: {error}", start.elapsed().as_secs_f64()),
        Err(_) => println!("nothing after 10 s"),
    }
}
END
cat > "$folder/try.py" <<'END'
import socket, subprocess, sys, threading, time

good = socket.socket()
good.bind(("127.0.0.1", 0))
good.listen(16)
port = good.getsockname()[1]
asked = []
def accept():
    while True: asked.append(good.accept())
threading.Thread(target=accept, daemon=True).start()
silent = socket.socket()
silent.bind(("127.0.0.2", port))
silent.listen(0)
fill = []
for _ in range(4):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.2", port))
    fill.append(one)
time.sleep(0.2)

def run(first, limit_ms):
    asked.clear()
    said = subprocess.run([sys.argv[1], str(port), str(first), str(limit_ms)], capture_output=True, text=True, timeout=30)
    return said.stdout.strip() or said.stderr.strip()[-300:]

plain = run(2, 0)
times = len(asked)
print(f"silent first, as it comes: {plain}; the second address was asked {times} times")
limited = run(2, 2000)
print("silent first, set_connect_timeout(2 s):", limited)
other = run(1, 0)
print("silent second:", other)
as_described = (plain, times) == ("nothing after 10 s", 0) and limited.startswith("connected") and other.startswith("connected")
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" ||
    cannot "hyper-util 0.1.21 can't be had or built"
python3 "$folder/try.py" "$folder/target/debug/finding"
