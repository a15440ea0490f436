//! The native library of Everwire for the JVM: `everwire-bind`, exported by UniFFI.
#![allow(unsafe_code, reason = "the exported symbols")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

everwire_bind::uniffi_reexport_scaffolding!();
