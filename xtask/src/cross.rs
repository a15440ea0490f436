//! `cargo xtask cross`: whether what is shipped compiles for platforms that CI does not run on.

use crate::setup;
use crate::shell::{Failed, cargo, run};

/// A platform, and the packages that are checked for it with all that they stand on.
struct Platform {
    target: &'static str,
    packages: &'static [&'static str],
}

const PLATFORMS: &[Platform] = &[
    Platform { target: "x86_64-pc-windows-gnu", packages: &["everwire", "everwire-server", "everwire-cli"] },
    // For what assumes 64 bits.
    Platform { target: "i686-unknown-linux-gnu", packages: &["everwire", "everwire-server"] },
];

/// Types and lifetimes only: nothing is linked, and of C only what is built in is compiled.
pub(crate) fn check() -> Result<(), Failed> {
    setup::cross_compilers()?;
    for Platform { target, packages } in PLATFORMS {
        setup::target(target)?;
        let mut check = cargo(&["check", "--quiet", "--target", target]);
        for package in *packages {
            check.args(["--package", package]);
        }
        run(check)?;
    }
    Ok(())
}
