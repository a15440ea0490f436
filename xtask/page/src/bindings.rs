//! Makes the files that a browser loads of the compiled WebAssembly.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wasm_bindgen_cli_support::Bindgen;

use crate::tools;

/// The files that a browser loads.
pub(crate) struct Bound {
    pub(crate) wasm: Vec<u8>,
    pub(crate) script: Vec<u8>,
}

pub(crate) fn generate(wasm: &Path, source: &Path, module: Module) -> Result<Bound, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("everwire-page-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let bound = generate_in(&folder, wasm, source, module);
    fs::remove_dir_all(&folder)?;
    bound
}

/// Runs wasm-bindgen, without making its output smaller.
pub(crate) fn bind(folder: &Path, wasm: &Path) -> Result<(), Box<dyn Error>> {
    bind_with(folder, wasm, Module::BesideTheScript)
}

/// Where the script looks for the WebAssembly by default.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Module {
    BesideTheScript,
    /// Nowhere: the caller passes it. Bundlers then do not look for a file.
    Given,
}

fn bind_with(folder: &Path, wasm: &Path, module: Module) -> Result<(), Box<dyn Error>> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("everwire").web(true)?.typescript(false);
    bindgen.omit_default_module_path(module == Module::Given);
    bindgen.generate(folder).map_err(|error| format!("wasm-bindgen: {error:#}").into())
}

fn generate_in(folder: &Path, wasm: &Path, source: &Path, module: Module) -> Result<Bound, Box<dyn Error>> {
    bind_with(folder, wasm, module)?;
    let bound = folder.join("everwire_bg.wasm");
    let (short, script) = shorten(&fs::read(&bound)?, fs::read_to_string(folder.join("everwire.js"))?)?;
    fs::write(&bound, short)?;
    tools::optimize(&bound, source)?;
    Ok(Bound { wasm: fs::read(&bound)?, script: script.into_bytes() })
}

/// Renames imports and exports between the WebAssembly and its script to one or two letters: their own names contain hashes,
/// which do not compress.
fn shorten(wasm: &[u8], mut script: String) -> Result<(Vec<u8>, String), Box<dyn Error>> {
    let mut module = walrus::Module::from_buffer(wasm).map_err(|error| format!("walrus: {error:#}"))?;
    let mut names = (0..).map(short_name);
    for import in module.imports.iter_mut() {
        let name = names.next().unwrap_or_default();
        script = renamed(&script, &import.name, &name)?;
        import.name = name;
    }
    for export in module.exports.iter_mut() {
        let name = names.next().unwrap_or_default();
        // The script may not use an export, for instance the program's entry.
        script = renamed(&script, &format!("wasm.{}", export.name), &format!("wasm.{name}")).unwrap_or(script);
        export.name = name;
    }
    Ok((module.emit_wasm(), script))
}

/// `a` to `z`, then `aa`, `ba` and so on. Reserved words of JavaScript are allowed as names of properties.
fn short_name(number: usize) -> String {
    let (letter, rest) = (char::from(b'a' + (number % 26) as u8), number / 26);
    if rest == 0 { letter.to_string() } else { format!("{letter}{}", short_name(rest - 1)) }
}

/// The script with `name` replaced by `new` wherever it is a whole word.
fn renamed(script: &str, name: &str, new: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut renamed = String::with_capacity(script.len());
    let mut rest = 0;
    for (at, _) in script.match_indices(name) {
        let (before, after) = (script[..at].chars().next_back(), script[at + name.len()..].chars().next());
        if !before.is_some_and(is_part) && !after.is_some_and(is_part) {
            renamed.push_str(&script[rest..at]);
            renamed.push_str(new);
            rest = at + name.len();
        }
    }
    if rest == 0 {
        return Err(format!("{name} is nowhere in the script that wasm-bindgen has made"));
    }
    renamed.push_str(&script[rest..]);
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_where_it_is_a_whole_word() {
        assert_eq!(renamed("a: f, aa: g, b.a(a)", "a", "x").as_deref(), Ok("x: f, aa: g, b.x(x)"));
        assert!(renamed("aa", "a", "x").is_err());
    }

    #[test]
    fn no_two_names_are_the_same() {
        let names: std::collections::BTreeSet<_> = (0..2000).map(short_name).collect();
        assert_eq!(names.len(), 2000);
        assert_eq!([0, 25, 26, 51, 52].map(short_name), ["a", "z", "aa", "za", "ab"]);
    }
}
