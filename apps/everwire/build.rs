//! Puts the chat's page into the binary, if `cargo xtask page` has built it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PAGE: &str = "../everwire-web/dist";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={PAGE}");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join(PAGE);
    let mut names: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    names.retain(|name| !matches!(name.extension().and_then(|extension| extension.to_str()), Some("br" | "gz")));
    names.sort();
    let files: Vec<String> = names.iter().filter_map(|path| file(path)).collect();
    let page = format!("/// The chat's page, if it was built.\nstatic PAGE: &[PageFile] = &[{}];\n", files.join(", "));
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("page.rs"), page)
}

fn file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    // A name that changes with the content has ten hexadecimal digits of its hash at its end.
    let hash = stem.rsplit_once('-').map(|(_, hash)| hash).filter(|hash| hash.len() == 10);
    let version = fs::metadata(path).ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos();
    let path = path.to_str()?;
    Some(format!(
        "PageFile {{ name: {name:?}, immutable: {}, version: \"{version:x}\", plain: include_bytes!({path:?}), \
         gzip: include_bytes!({:?}), brotli: include_bytes!({:?}) }}",
        hash.is_some(),
        format!("{path}.gz"),
        format!("{path}.br"),
    ))
}
