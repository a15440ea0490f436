//! File names that change with the content.

use sha1::{Digest, Sha1};

use crate::File;

/// Files that browsers look for by these names.
const FIXED: [&str; 4] = ["index.html", "icon.svg", "manifest.webmanifest", "sw.js"];

/// Adds a part of its hash to each file's name, and replaces the name in the files after it in the list.
pub(crate) fn by_content(files: &mut [File]) {
    for at in 0..files.len() {
        let (done, rest) = files.split_at_mut(at + 1);
        let file = &mut done[at];
        if FIXED.contains(&file.name.as_str()) {
            continue;
        }
        let named = name(&file.name, &file.content);
        for other in rest {
            if let Ok(text) = std::str::from_utf8(&other.content) {
                other.content = text.replace(&file.name, &named).into_bytes();
            }
        }
        file.name = named;
    }
}

/// Puts a hash of all files into the service worker, so that it changes when any of them does.
pub(crate) fn version(files: &mut [File]) {
    let all = files.iter().fold(Sha1::new(), |all, file| all.chain_update(&file.content)).finalize();
    for file in files.iter_mut().filter(|file| file.name == "sw.js") {
        file.content = String::from_utf8_lossy(&file.content).replace("@VERSION@", &short(&all)).into_bytes();
    }
}

fn name(name: &str, content: &[u8]) -> String {
    let hash = short(&Sha1::digest(content));
    match name.split_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
        None => format!("{name}-{hash}"),
    }
}

fn short(hash: &[u8]) -> String {
    hash.iter().take(5).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_file_changes_its_name_and_those_of_the_files_that_name_it() {
        let named = |wasm: &str| {
            let mut files = [
                File::new("app.wasm", wasm.into()),
                File::new("start.js", "load('app.wasm')".into()),
                File::new("index.html", "<script src=start.js>".into()),
            ];
            by_content(&mut files);
            files.map(|file| (file.name, file.content))
        };
        let (one, other) = (named("one"), named("other"));
        assert_ne!(one[0].0, other[0].0);
        assert_ne!(one[1].0, other[1].0);
        assert_eq!(one[2].0, "index.html");
        assert_eq!(String::from_utf8_lossy(&one[2].1), format!("<script src={}>", one[1].0));
    }
}
