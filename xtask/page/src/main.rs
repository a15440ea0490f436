//! `everwire-page WASM SOURCE OUT BUDGET`: makes the chat's page ready to be served; fails if it has more bytes than the budget,
//! unless tools that make it smaller are missing.
//! `everwire-page WASM OUT`: only the files that a browser needs to start the WebAssembly, for tests.
//! `everwire-page package NAME WASM SOURCE OUT`: the same, made small, as `NAME.wasm` and `NAME.js`, for an npm package.
//!
//! - [`bindings`]: the JavaScript that starts the WebAssembly, with short names
//! - [`tools`]: npm's tools that make files smaller
//! - [`names`]: names that change with the content, so that browsers may cache files for ever
//! - [`compression`]: brotli and gzip, done once
//!
//! `cargo xtask page` calls it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod bindings;
mod compression;
mod names;
mod tools;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use crate::bindings::Module;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match &args[..] {
        [wasm, source, out, budget] => match budget.parse() {
            Ok(budget) => build(Path::new(wasm), Path::new(source), Path::new(out), budget),
            Err(_) => Err(format!("the budget is a number of bytes, not `{budget}`").into()),
        },
        [chore, name, wasm, source, out] if chore == "package" => {
            package(name, Path::new(wasm), Path::new(source), Path::new(out))
        }
        [wasm, out] => bindings::bind(Path::new(out), Path::new(wasm)),
        _ => {
            eprintln!(
                "usage: everwire-page WASM OUT, everwire-page WASM SOURCE OUT BUDGET, or everwire-page package NAME WASM \
                 SOURCE OUT"
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("everwire-page: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(wasm: &Path, source: &Path, out: &Path, budget: usize) -> Result<(), Box<dyn Error>> {
    let bound = bindings::generate(wasm, source, Module::BesideTheScript)?;
    let mut files = vec![
        File::new("everwire_bg.wasm", bound.wasm),
        File::new("everwire.js", bound.script),
        File::new("start.js", fs::read(source.join("start.js"))?),
        File::new("style.css", fs::read(source.join("style.css"))?),
        File::new("icon.svg", fs::read(source.join("icon.svg"))?),
        File::new("manifest.webmanifest", fs::read(source.join("manifest.webmanifest"))?),
        File::new("index.html", fs::read(source.join("index.html"))?),
        File::new("sw.js", fs::read(source.join("sw.js"))?),
    ];
    for file in files.iter_mut().filter(|file| file.name.ends_with(".js") || file.name.ends_with(".css")) {
        file.content = tools::minify(&file.name, std::mem::take(&mut file.content), source)?;
    }
    names::by_content(&mut files);
    names::version(&mut files);
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    let mut total = 0;
    for file in &files {
        let sizes = compression::write(out, file)?;
        total += sizes.brotli;
        println!("{:>8} bytes, {:>7} by gzip, {:>7} by brotli  {}", sizes.plain, sizes.gzip, sizes.brotli, file.name);
    }
    println!("{total} bytes in all by brotli");
    if !tools::are_installed(source) {
        println!("without Node.js, or what npm installs for it, the page is larger than it could be");
        return Ok(());
    }
    if total > budget {
        return Err(format!("the page has {total} bytes, more than the {budget} that it may have").into());
    }
    Ok(())
}

fn package(name: &str, wasm: &Path, source: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let bound = bindings::generate(wasm, source, Module::Given)?;
    fs::create_dir_all(out)?;
    fs::write(out.join(format!("{name}.wasm")), bound.wasm)?;
    fs::write(out.join(format!("{name}.js")), bound.script)?;
    Ok(())
}

/// A file of the page.
struct File {
    /// The name as in the source, until [`names`] changes it.
    name: String,
    content: Vec<u8>,
}

impl File {
    fn new(name: &str, content: Vec<u8>) -> Self {
        Self { name: name.to_owned(), content }
    }
}
