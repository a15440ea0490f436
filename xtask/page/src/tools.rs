//! npm's tools that make files smaller; without them the page is a little larger.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BINARYEN: &str = "binaryen/bin/wasm-opt";
const ESBUILD: &str = "esbuild/bin/esbuild";

const OPTIMIZE: [&str; 20] = [
    // The program has nothing in the first KiB of memory: the stack grows down to there, and everything else is above it. So sums
    // of addresses can become offsets, which saves more than 1 KB.
    "--low-memory-unused",
    "-Oz",
    "--converge",
    "--flatten",
    "--rereloop",
    "-Oz",
    // A second time, which saves some 400 bytes.
    "--flatten",
    "--rereloop",
    "-Oz",
    // A longer function is not inlined into its only caller, because separate functions compress better.
    "--one-caller-inline-max-function-size=20",
    // Zeros compress better than the code that fills them in.
    "--skip-pass=memory-packing",
    "--strip-debug",
    "--strip-producers",
    // Features that rustc's target enables by default.
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "-o",
];

/// Makes the WebAssembly smaller, with Binaryen.
pub(crate) fn optimize(wasm: &Path, source: &Path) -> Result<(), Box<dyn Error>> {
    let Some(binaryen) = installed(source, BINARYEN) else { return Ok(()) };
    run(Command::new("node").arg(binaryen).arg(wasm).args(OPTIMIZE).arg(wasm))
}

/// Makes a script or a style sheet smaller, with esbuild.
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

/// Whether all tools are installed.
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
