//! What callgrind counts.

use std::hint::black_box;

/// Runs the work, whose instructions are the only ones that are counted: callgrind is told this function's name.
#[inline(never)]
pub(crate) fn measured(work: &mut dyn FnMut()) {
    work();
    // Or the call above would be a jump, and callgrind would see no return from here.
    black_box(());
}
