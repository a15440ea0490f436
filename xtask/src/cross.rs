//! `cargo xtask cross`: whether what is shipped compiles for platforms that CI does not run on.

use crate::setup::{self, LINUX_32, WINDOWS};
use crate::shell::{Failed, cargo, run};

/// A platform, and the packages that are checked for it with all that they stand on.
struct Platform {
    target: &'static str,
    packages: &'static [&'static str],
}

const PLATFORMS: &[Platform] = &[
    Platform { target: WINDOWS, packages: &["everwire", "everwire-server", "everwire-cli"] },
    Platform { target: LINUX_32, packages: &["everwire", "everwire-server"] },
];

/// Types and lifetimes only: nothing is linked, and of C only what is built in is compiled. A target or compiler that is
/// missing and can't be installed is a failure.
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
