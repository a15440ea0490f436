//! The native library of Everwire for the JVM: `everwire-bind`, exported by UniFFI.
#![allow(unsafe_code, reason = "the exported symbols")]

everwire_bind::uniffi_reexport_scaffolding!();
