#!/usr/bin/env bash
# crossterm 0.29.0 gives a terminal's answer to "which background colour?" as keys that somebody typed.
#
# A program that asks a terminal for its colours (OSC 11, as themes for dark and light do) reads the answer itself, with a time-out
# of some 100 ms. Over a slow line the answer comes later, when crossterm's event reader has the input. crossterm's parser knows
# CSI sequences and the answers to its own questions, but no OSC: the answer's first two bytes become Alt+], all that follows
# become plain letters and digits, and its end becomes Alt+\. A program that takes typed letters into an input field has the
# colour in the field, and the next Enter sends it.
#
# Here a program reads events by crossterm in a pseudo-terminal, into which the answer is written as a terminal writes it.
#
# Seen on 2026-11-30 with crossterm 0.29.0, Linux:
#   events for one answer: Alt+] 1 1 ; r g b : 0 0 0 0 / 0 0 0 0 / 0 0 0 0 Alt+\
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v cargo > /dev/null || cannot "Rust's cargo is needed"
command -v python3 > /dev/null || cannot "Python 3 is needed"
mkdir -p "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
crossterm = "=0.29.0"

[workspace]
END
cat > "$folder/src/main.rs" <<'END'
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyModifiers, poll, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

fn main() -> std::io::Result<()> {
    enable_raw_mode()?;
    print!("ready\r\n");
    let mut seen = Vec::new();
    while poll(Duration::from_secs(2))? {
        seen.push(match read()? {
            Event::Key(key) => match (key.code, key.modifiers.contains(KeyModifiers::ALT)) {
                (KeyCode::Char(typed), true) => format!("Alt+{typed}"),
                (KeyCode::Char(typed), false) => typed.to_string(),
                (other, _) => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        });
    }
    disable_raw_mode()?;
    println!("events: {}", seen.join(" "));
    Ok(())
}
END
cat > "$folder/try.py" <<'END'
import os, pty, select, sys, time

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1]])
said, answered, end = b"", False, time.monotonic() + 20
while time.monotonic() < end:
    if select.select([terminal], [], [], 0.2)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    if b"ready" in said and not answered:
        os.write(terminal, b"\x1b]11;rgb:0000/0000/0000\x1b\\")
        answered = True
events = said.decode(errors="replace").split("events: ")[-1].strip()
print("events for one answer:", events)
as_described = events == "Alt+] 1 1 ; r g b : 0 0 0 0 / 0 0 0 0 / 0 0 0 0 Alt+\\"
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target" ||
    cannot "crossterm 0.29.0 can't be had or built"
timeout 60 python3 "$folder/try.py" "$folder/target/debug/finding"
