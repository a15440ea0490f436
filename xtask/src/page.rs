//! `cargo xtask page`: the chat's page, ready to be put into the binary.

use crate::setup::{self, WASM};
use crate::shell::{self, Failed};

const SOURCE: &str = "apps/everwire-web";

/// Builds the page; the next build of the binary has it.
pub(crate) fn page() -> Result<(), Failed> {
    setup::wasm_target()?;
    if shell::has("npm") {
        shell::npm_ci(SOURCE)?;
    }
    let wasm = shell::built(&["--package", "everwire-web", "--target", WASM, "--profile", "page"])?;
    let mut page = shell::cargo(&["run", "--quiet", "--package", "everwire-page", "--"]);
    let source = shell::root().join(SOURCE);
    page.arg(wasm).arg(source.join("page")).arg(source.join("dist"));
    shell::run(page)
}
