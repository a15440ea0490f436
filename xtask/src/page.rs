//! `cargo xtask page`: builds the chat's page, ready to be put into the binary.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::setup::{self, WASM};
use crate::shell::{self, Failed};

const SOURCE: &str = "apps/everwire-web";
/// The manifest of the workspace that the page belongs to.
const WORKSPACE: &str = "Cargo.toml";

/// The most bytes that a visitor loads, compressed by brotli.
const BUDGET: usize = 200_000;
/// The same when the page is built with rustup's standard library.
const BUDGET_WITHOUT_SOURCE: usize = 215_000;

/// Builds the page, unless it is up to date; the next build of the binary includes it.
pub(crate) fn page() -> Result<(), Failed> {
    setup::wasm_target()?;
    if shell::has(shell::NPM) {
        shell::npm_ci(SOURCE)?;
    }
    let small = is_small();
    let wasm = built(WORKSPACE, "everwire-web", small)?;
    let source = shell::root().join(SOURCE);
    let (stamp, made_of) = (wasm.with_extension("page"), made_of(&wasm, &source)?);
    let is_built = source.join("dist/index.html").exists();
    if is_built && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_of) {
        return Ok(());
    }
    let mut page = shell::cargo(&["run", "--quiet", "--package", "everwire-page", "--"]);
    let budget = if small { BUDGET } else { BUDGET_WITHOUT_SOURCE };
    page.arg(&wasm).arg(source.join("page")).arg(source.join("dist")).arg(budget.to_string());
    shell::run(page)?;
    fs::write(&stamp, made_of).map_err(|error| failed(&stamp, &error))
}

/// Builds the client's tests for browsers, and the example that they open; `tests/page` runs them.
pub(crate) fn suite() -> Result<(), Failed> {
    setup::wasm_target()?;
    bound("everwire-browser-tests", "tests/browser/dist")?;
    tokens_page()
}

/// Builds the page of the example of a token stream, and serves it.
pub(crate) fn tokens(address: Option<&str>) -> Result<(), Failed> {
    setup::wasm_target()?;
    tokens_page()?;
    let server = ["run", "--package", "everwire-server", "--features", "axum,calls", "--example", "tokens_page", "--"];
    let mut server = shell::cargo(&server);
    server.args(address);
    shell::run(server)
}

fn tokens_page() -> Result<(), Failed> {
    let folder = shell::root().join("examples/tokens-page");
    bound("everwire-tokens-page", "examples/tokens-page/dist")?;
    let page = folder.join("dist/index.html");
    fs::copy(folder.join("index.html"), &page).map(drop).map_err(|error| failed(&page, &error))
}

/// Builds a package, and writes the files that a browser needs to start it.
fn bound(package: &str, folder: &str) -> Result<(), Failed> {
    let wasm = built(WORKSPACE, package, is_small())?;
    let mut bind = shell::cargo(&["run", "--quiet", "--package", "everwire-page", "--"]);
    bind.arg(&wasm).arg(shell::root().join(folder));
    shell::run(bind)
}

/// Whether WebAssembly is built with a standard library of its own (decision 0015): not if its source can't be installed, and not
/// if panics should be readable in the browser's console.
pub(crate) fn is_small() -> bool {
    if env::var_os("EVERWIRE_PAGE_PANICS").is_some() {
        return false;
    }
    let small = setup::library_source();
    if !small {
        eprintln!("rustup could not add rust-src; without it the page is some 15 KB larger");
    }
    small
}

/// Builds a package as WebAssembly. All packages have the same settings, so that shared dependencies are compiled once.
///
/// `small`: with a standard library that is compiled for size, in which a panic is a trap without a message (decision 0015). That
/// uses unstable options, which do not change because the compiler is pinned. It has a target folder of its own, because with
/// these options dependencies are compiled differently.
pub(crate) fn built(manifest: &str, package: &str, small: bool) -> Result<PathBuf, Failed> {
    let build = ["--manifest-path", manifest, "--package", package, "--target", WASM, "--profile", "page"];
    let flags = flags();
    if !small {
        return shell::built_with(&build, &[("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", &flags)]);
    }
    let folder = shell::target().join("page-small");
    let library = ["-Zpanic-immediate-abort", "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];
    let folder = ["--target-dir", &folder.to_string_lossy()].map(str::to_owned);
    let build: Vec<&str> = build.into_iter().chain(library).chain(folder.iter().map(String::as_str)).collect();
    let variables = [
        ("RUSTC_BOOTSTRAP", "1"),
        ("CARGO_PROFILE_PAGE_PANIC", "immediate-abort"),
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            &format!("{flags} -Zunstable-options -Zlocation-detail=none -Zfmt-debug=none"),
        ),
    ];
    shell::built_with(&build, &variables)
}

/// Compiler flags that keep the build machine's paths out of the page.
fn flags() -> String {
    let home = env::home_dir().map(|home| home.join(".cargo"));
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    home.map_or_else(String::new, |home| format!("--remap-path-prefix={}=cargo", home.display()))
}

/// A hash of everything that the page is made of.
fn made_of(wasm: &Path, source: &Path) -> Result<String, Failed> {
    let tool = shell::root().join("xtask/page/src");
    let mut files = vec![wasm.to_owned(), source.join("package-lock.json")];
    for folder in [source.join("page"), tool] {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))? {
            files.push(entry.map_err(|error| failed(&folder, &error))?.path());
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).map_err(|error| failed(&file, &error))?.hash(&mut hasher);
    }
    source.join("node_modules").exists().hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn failed(path: &Path, error: &std::io::Error) -> Failed {
    Failed(format!("{}: {error}", path.display()))
}
