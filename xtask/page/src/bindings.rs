//! From what the compiler made to what a browser loads.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use wasm_bindgen_cli_support::Bindgen;

/// What a browser loads.
pub(crate) struct Bound {
    pub(crate) wasm: Vec<u8>,
    pub(crate) script: Vec<u8>,
}

pub(crate) fn generate(wasm: &Path, source: &Path) -> Result<Bound, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("everwire-page-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let bound = generate_in(&folder, wasm, source);
    fs::remove_dir_all(&folder)?;
    bound
}

/// As wasm-bindgen makes it, without more.
pub(crate) fn bind(folder: &Path, wasm: &Path) -> Result<(), Box<dyn Error>> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("everwire").web(true)?.typescript(false).omit_default_module_path(false);
    bindgen.generate(folder).map_err(|error| format!("wasm-bindgen: {error:#}").into())
}

fn generate_in(folder: &Path, wasm: &Path, source: &Path) -> Result<Bound, Box<dyn Error>> {
    bind(folder, wasm)?;
    let bound = folder.join("everwire_bg.wasm");
    optimize(&bound, source)?;
    Ok(Bound { wasm: fs::read(&bound)?, script: fs::read(folder.join("everwire.js"))? })
}

/// By Binaryen, where npm has installed it; without it the page is a little larger.
fn optimize(wasm: &Path, source: &Path) -> Result<(), Box<dyn Error>> {
    let binaryen = source.join("../node_modules/binaryen/bin/wasm-opt");
    if !binaryen.exists() {
        println!("wasm-opt is not installed (npm's binaryen): the page will be a little larger");
        return Ok(());
    }
    let mut wasm_opt = Command::new("node");
    // What rustc's own target has on by default.
    wasm_opt.arg(binaryen).args([
        "-Oz",
        "--converge",
        "--strip-debug",
        "--strip-producers",
        "--enable-bulk-memory",
        "--enable-mutable-globals",
        "--enable-sign-ext",
    ]);
    wasm_opt.args(["--enable-nontrapping-float-to-int", "--enable-reference-types", "--enable-multivalue"]);
    let status = wasm_opt.arg(wasm).arg("-o").arg(wasm).status()?;
    if status.success() { Ok(()) } else { Err("wasm-opt failed".into()) }
}
