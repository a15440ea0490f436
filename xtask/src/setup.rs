//! `cargo xtask setup`: installs what the tests need beyond the Rust toolchain, with the ordinary package managers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::python;
use crate::shell::{self, Failed};

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";
/// The version of Firefox's driver, of which Debian has no package.
const GECKODRIVER: &str = "0.36.0";

/// A program or library that the tests need.
struct Need {
    /// Its name, for users who have to install it by hand.
    name: &'static str,
    /// Its Debian packages.
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        name: "Node.js 20.18 or newer with npm",
        packages: &["nodejs", "npm"],
        is_there: || runs("node", &["--eval", NODE_IS_RECENT]) && shell::has(shell::NPM),
    },
    Need {
        name: "Python 3.10 or newer with venv and pip",
        packages: &["python3", "python3-venv"],
        is_there: || runs("python3", &["-c", "import ensurepip, venv"]),
    },
    Need {
        name: "a JDK, version 11 or newer",
        packages: &["default-jdk-headless"],
        is_there: || runs("javac", &["-version"]) && runs("java", &["-version"]),
    },
    Need {
        name: "OkHttp 3.13, as Debian's libokhttp-java installs it",
        packages: &["libokhttp-java"],
        is_there: || ["okhttp", "okio"].iter().all(|name| Path::new(&format!("/usr/share/java/{name}.jar")).exists()),
    },
    Need { name: "nginx", packages: &["nginx-light"], is_there: || runs("nginx", &["-v"]) },
    Need { name: "tmux 3.0 or newer", packages: &["tmux"], is_there: || runs("tmux", &["-V"]) },
    Need {
        name: "iproute2 and nftables",
        packages: &["iproute2", "nftables"],
        is_there: || ["ip", "nft"].iter().all(|name| shell::has(name) || Path::new("/usr/sbin").join(name).exists()),
    },
    Need {
        name: "Erlang/OTP 25 or newer with crypto, ssl and its compiler",
        packages: &["erlang-base", "erlang-crypto", "erlang-ssl"],
        is_there: || runs("erl", &["-noinput", "-eval", ERLANG_IS_WHOLE]),
    },
    Need { name: "HAProxy", packages: &["haproxy"], is_there: || runs("haproxy", &["-v"]) },
    Need { name: "Chromium, as `chromium`", packages: &["chromium"], is_there: || shell::has("chromium") },
    Need {
        name: "Chromium's driver, as `chromedriver`",
        packages: &["chromium-driver"],
        is_there: || is_on_path("chromedriver"),
    },
    Need { name: "Firefox, as `firefox-esr`", packages: &["firefox-esr"], is_there: || is_on_path("firefox-esr") },
    Need {
        name: "WebKitGTK with its MiniBrowser and driver, as Debian's webkit2gtk-driver installs them",
        packages: &["webkit2gtk-driver"],
        is_there: || is_on_path("WebKitWebDriver") && MINIBROWSERS.iter().any(|file| Path::new(file).exists()),
    },
    Need { name: "Xvfb", packages: &["xvfb"], is_there: || is_on_path("Xvfb") },
];

/// The tools that build the jar for Kotlin and Java.
const JAVA_NEEDS: &[Need] = &[
    Need {
        name: "a JDK, version 17 or newer",
        packages: &["openjdk-17-jdk-headless"],
        is_there: || runs("javac", &["--release", "17", "--version"]) && runs("java", &["--version"]),
    },
    Need { name: "Maven 3.6.3 or newer, as `mvn`", packages: &["maven"], is_there: || runs("mvn", &["--version"]) },
];

/// The tool that counts the instructions of hot paths.
const COUNT_NEEDS: &[Need] =
    &[Need { name: "valgrind 3.19 or newer", packages: &["valgrind"], is_there: || runs("valgrind", &["--version"]) }];

/// The paths of WebKitGTK's test browser in Debian's packages; `tests/page/drivers.mjs` looks there too.
const MINIBROWSERS: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser", "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser"];

/// C compilers, with their libraries' headers, for platforms that are only checked.
const CROSS_NEEDS: &[Need] = &[
    Need {
        name: "MinGW-w64's C compiler for x86_64",
        packages: &["gcc-mingw-w64-x86-64"],
        is_there: || compiles("x86_64-w64-mingw32-gcc"),
    },
    Need {
        name: "a C compiler for i686",
        packages: &["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
        is_there: || compiles("i686-linux-gnu-gcc"),
    },
];

const NODE_IS_RECENT: &str = "
    const [major, minor] = process.versions.node.split('.').map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 18) ? 0 : 1);";

const ERLANG_IS_WHOLE: &str = "
    Loaded = [code:ensure_loaded(Module) || Module <- [crypto, ssl, compile]],
    halt(case [missing || {error, _} <- Loaded] of [] -> 0; _ -> 1 end).";

/// The parts of Cowboy.
const COWBOY: [&str; 3] = ["cowboy", "cowlib", "ranch"];

/// The target of pages.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// A target that finds code which assumes 64 bits.
pub(crate) const LINUX_32: &str = "i686-unknown-linux-gnu";

pub(crate) fn setup() -> Result<(), Failed> {
    install(NEEDS)?;
    java()?;
    valgrind()?;
    wasm_target()?;
    cross()?;
    javascript_peers()?;
    python::environment("peers", "tests/peers/requirements.txt")?;
    python::nats_server()?;
    cowboy()?;
    cargo_program("geckodriver", GECKODRIVER, || shell::output(shell::command("geckodriver", &["--version"])))?;
    cargo_program("cargo-deny", CARGO_DENY, || shell::output(shell::cargo(&["deny", "--version"])))
}

/// Installs a JDK and Maven, which downloads everything else for the JVM binding.
pub(crate) fn java() -> Result<(), Failed> {
    install(JAVA_NEEDS)
}

/// Installs valgrind, for `bench --check`.
pub(crate) fn valgrind() -> Result<(), Failed> {
    install(COUNT_NEEDS)
}

/// Installs the missing programs; if that is not possible, the error lists them.
fn install(needs: &[Need]) -> Result<(), Failed> {
    let missing = || needs.iter().filter(|need| !(need.is_there)());
    if missing().next().is_none() {
        return Ok(());
    }
    if shell::has("apt-get") {
        let packages: Vec<&str> = missing().flat_map(|need| need.packages).copied().collect();
        apt_get(&["update", "--quiet=2"])?;
        apt_get(&[&["install", "--quiet=2", "--yes", "--no-install-recommends"], &packages[..]].concat())?;
    }
    let missing: Vec<&str> = missing().map(|need| need.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failed(format!("programs for the tests are missing; install {}", missing.join("; "))))
}

fn apt_get(args: &[&str]) -> Result<(), Failed> {
    let as_root: &[&str] = if shell::has("sudo") { &["sudo"] } else { &[] };
    let words: Vec<&str> =
        as_root.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).copied().collect();
    let mut apt_get = shell::command(words[0], &words[1..]);
    apt_get.args(args).stdin(Stdio::null());
    shell::run(apt_get)
}

/// Whether a command can be run. Daemons are searched in `/usr/sbin` too, which only root has on the path.
fn runs(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether a program is on the path; for programs that have no quick `--version`.
fn is_on_path(program: &str) -> bool {
    runs("sh", &["-c", &format!("command -v {program}")])
}

/// Whether a C compiler is installed and finds the headers of the standard library.
fn compiles(compiler: &str) -> bool {
    runs("sh", &["-c", &format!("echo '#include <stdio.h>' | {compiler} -fsyntax-only -x c -")])
}

/// Installs what `cargo xtask cross` needs.
pub(crate) fn cross() -> Result<(), Failed> {
    install(CROSS_NEEDS)?;
    target(WINDOWS)?;
    target(LINUX_32)
}

/// Installs Rust's standard library for pages.
pub(crate) fn wasm_target() -> Result<(), Failed> {
    target(WASM)
}

/// Installs Rust's standard library for a target, with rustup.
fn target(name: &str) -> Result<(), Failed> {
    let installed = shell::output(shell::command("rustup", &["target", "list", "--installed"])).unwrap_or_default();
    if installed.lines().any(|target| target == name) {
        return Ok(());
    }
    shell::run(shell::command("rustup", &["target", "add", name]))
}

/// Installs the standard library's source, with rustup; returns whether it is there. With it the page is smaller.
pub(crate) fn library_source() -> bool {
    let installed = shell::output(shell::command("rustup", &["component", "list", "--installed"])).unwrap_or_default();
    installed.lines().any(|component| component == "rust-src")
        || shell::run(shell::command("rustup", &["component", "add", "rust-src"])).is_ok()
}

/// Installs the JavaScript peers, at the versions of the lock files.
fn javascript_peers() -> Result<(), Failed> {
    shell::npm_ci("tests/peers")?;
    shell::npm_ci("tests/page")
}

/// The folder of Cowboy, with the compiled modules of each of its parts in `NAME/ebin`.
pub(crate) fn cowboy_folder() -> PathBuf {
    shell::root().join("target/cowboy")
}

/// Takes Cowboy, an Erlang server that has no Debian package, from RabbitMQ's package, which is unpacked and not installed.
pub(crate) fn cowboy() -> Result<(), Failed> {
    let folder = cowboy_folder();
    if COWBOY.iter().all(|name| folder.join(name).join("ebin").exists()) {
        return Ok(());
    }
    if !shell::has("apt-get") || !shell::has("dpkg-deb") {
        let wanted = format!("{}/{{{}}}/ebin", folder.display(), COWBOY.join(","));
        return Err(Failed(format!("the tests need Cowboy 2.8 or newer; put its compiled modules into {wanted}")));
    }
    shell::empty_folder(&folder)?;
    apt_get(&["update", "--quiet=2"])?;
    let mut download = shell::command("apt-get", &["download", "--quiet=2", "rabbitmq-server"]);
    download.current_dir(&folder);
    shell::run(download)?;
    let mut unpack = shell::command("sh", &["-c", "dpkg-deb --extract rabbitmq-server_*.deb unpacked"]);
    unpack.current_dir(&folder);
    shell::run(unpack)?;
    for name in COWBOY {
        let place = "mv unpacked/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/";
        let mut take = shell::command("sh", &["-c", &format!("{place}{name}-[0-9]* {name}")]);
        take.current_dir(&folder);
        shell::run(take)?;
    }
    let mut tidy = shell::command("sh", &["-c", "rm -r unpacked rabbitmq-server_*.deb"]);
    tidy.current_dir(&folder);
    shell::run(tidy)
}

/// Installs a program from crates.io, unless it reports this version.
fn cargo_program(name: &str, version: &str, reported: fn() -> Result<String, Failed>) -> Result<(), Failed> {
    let reported = reported().unwrap_or_default();
    if reported.lines().next().is_some_and(|line| line.split_whitespace().any(|word| word == version)) {
        return Ok(());
    }
    shell::run(shell::cargo(&["install", name, "--locked", "--quiet", "--version", &format!("={version}")]))
}
