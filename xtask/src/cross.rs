//! `cargo xtask cross`: checks that the shipped packages compile for platforms that CI does not run on.

use crate::setup::{self, LINUX_32, WINDOWS};
use crate::shell::{Failed, cargo, run};

/// A platform, and the packages that are checked for it, with their dependencies.
struct Platform {
    target: &'static str,
    packages: &'static [&'static str],
}

const PLATFORMS: &[Platform] = &[
    Platform { target: WINDOWS, packages: &["everwire", "everwire-server", "everwire-cli"] },
    Platform { target: LINUX_32, packages: &["everwire", "everwire-server"] },
];

/// Runs `cargo check`: nothing is linked, and only bundled C code is compiled. A target or compiler that is missing and can't be
/// installed is a failure.
pub(crate) fn check() -> Result<(), Failed> {
    setup::cross()?;
    for Platform { target, packages } in PLATFORMS {
        let mut check = cargo(&["check", "--quiet", "--target", target]);
        for package in *packages {
            check.args(["--package", package]);
        }
        run(check)?;
    }
    Ok(())
}
