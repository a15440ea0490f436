//! The function that callgrind measures.

use std::hint::black_box;

/// Runs the work. Only its instructions are counted: callgrind collects while this function runs.
#[inline(never)]
pub(crate) fn measured(work: &mut dyn FnMut()) {
    work();
    // Otherwise the call above would be compiled to a jump, and callgrind would see no return from here.
    black_box(());
}
