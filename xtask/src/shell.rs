//! Running other programs, with one clear line when one fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a chore could not be done, in one line.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A command that starts in the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// `cargo` of the toolchain that runs xtask.
///
/// The variables about xtask's own package are removed: build scripts that read them would rebuild everything that depends on
/// them.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args);
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its end with its output shown; prints the command and how long it took.
pub(crate) fn run(mut command: Command) -> Result<(), Failed> {
    let line = line(&command);
    eprintln!("→ {line}");
    let started = Instant::now();
    let status = command.status().map_err(|error| Failed(format!("could not start `{line}`: {error}")))?;
    if !status.success() {
        return Err(Failed(format!("`{line}` failed ({status})")));
    }
    eprintln!("  {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a command; returns its output, or why it failed.
pub(crate) fn output(mut command: Command) -> Result<String, Failed> {
    let line = line(&command);
    let output = command.output().map_err(|error| Failed(format!("could not start `{line}`: {error}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failed(format!("`{line}` failed ({}): {}", output.status, words.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// On Windows npm is a script, which has to be called by its full name.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Installs the npm packages of a folder at the versions of its lock file.
pub(crate) fn npm_ci(folder: &str) -> Result<(), Failed> {
    let mut npm = command(NPM, &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.current_dir(root().join(folder));
    run(npm)
}

/// Builds with cargo; returns the path of the executable.
pub(crate) fn built(args: &[&str]) -> Result<PathBuf, Failed> {
    built_with(args, &[])
}

/// The same, with variables in its environment.
pub(crate) fn built_with(args: &[&str], variables: &[(&str, &str)]) -> Result<PathBuf, Failed> {
    let mut build = cargo(&["build", "--message-format", "json-render-diagnostics"]);
    build.args(args).envs(variables.iter().copied()).stderr(Stdio::inherit());
    eprintln!("→ {}", line(&build));
    let messages = output(build)?;
    let mut executables = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().ok_or_else(|| Failed(format!("cargo names no executable for {}", args.join(" "))))
}

/// A program of the workspace, built as the tests build it, with all features, so that it is not compiled again.
pub(crate) fn tested(name: &str) -> Result<PathBuf, Failed> {
    built(&["--workspace", "--all-features", "--bin", name])
}

/// Reads a file's text.
pub(crate) fn read(path: &Path) -> Result<String, Failed> {
    std::fs::read_to_string(path).map_err(|error| Failed(format!("{}: {error}", path.display())))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failed> {
    std::fs::write(path, text).map_err(|error| Failed(format!("{}: {error}", path.display())))
}

/// Makes an empty folder, in place of one that exists.
pub(crate) fn empty_folder(path: &Path) -> Result<(), Failed> {
    let failed = |error| Failed(format!("{}: {error}", path.display()));
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(failed)?;
    }
    std::fs::create_dir_all(path).map_err(failed)
}

/// Whether `program --version` runs here.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command as a user would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
