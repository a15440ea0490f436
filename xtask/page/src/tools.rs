//! Tools from npm, where they are installed; without them the page is a little larger.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BINARYEN: &str = "binaryen/bin/wasm-opt";
const ESBUILD: &str = "esbuild/bin/esbuild";

const OPTIMIZE: [&str; 20] = [
    // Nothing of the program's is in the first KiB of memory: the stack, which grows down, ends there, and the rest stands above it. So
    // an address that is added up may be told as an offset, which is worth more than a KB.
    "--low-memory-unused",
    "-Oz",
    "--converge",
    "--flatten",
    "--rereloop",
    "-Oz",
    // Once more, which is worth some 400 bytes.
    "--flatten",
    "--rereloop",
    "-Oz",
    // A function is not put into the only place that calls it if it is longer than this: what is not moved compresses better.
    "--one-caller-inline-max-function-size=20",
    // Zeros compress better than what would say where they were left out.
    "--skip-pass=memory-packing",
    "--strip-debug",
    "--strip-producers",
    // What rustc's own target has on by default.
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "-o",
];

/// Makes the WebAssembly smaller, by Binaryen.
pub(crate) fn optimize(wasm: &Path, source: &Path) -> Result<(), Box<dyn Error>> {
    let Some(binaryen) = installed(source, BINARYEN) else { return Ok(()) };
    run(Command::new("node").arg(binaryen).arg(wasm).args(OPTIMIZE).arg(wasm))
}

/// Makes a script or a style sheet smaller, by esbuild.
pub(crate) fn minify(name: &str, content: Vec<u8>, source: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let Some(esbuild) = installed(source, ESBUILD) else { return Ok(content) };
    let folder = std::env::temp_dir().join(format!("everwire-minify-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (file, out) = (folder.join(name), folder.join(format!("out-{name}")));
    fs::write(&file, content)?;
    let to = [OsStr::new("--outfile="), out.as_os_str()].join(OsStr::new(""));
    run(Command::new(esbuild).args(["--minify", "--log-level=warning"]).arg(to).arg(&file))?;
    let content = fs::read(&out)?;
    fs::remove_dir_all(&folder)?;
    Ok(content)
}

/// Whether the page is as small as it can be.
pub(crate) fn are_installed(source: &Path) -> bool {
    [BINARYEN, ESBUILD].iter().all(|tool| installed(source, tool).is_some())
}

fn installed(source: &Path, tool: &str) -> Option<PathBuf> {
    let tool = source.join("../node_modules").join(tool);
    tool.exists().then_some(tool)
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}
