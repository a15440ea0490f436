//! TLS, by rustls.
//!
//! - [`Settings`]: what the user wants, not yet checked
//! - [`Tls`]: checked, and made into rustls' configuration when it is needed
//! - `connect`: the handshake, with the server and with a proxy
//! - [`TlsProvider`]: the library that does the cryptography
//! - `pins`: which public keys a server may have
//! - `describe`: what is wrong with a certificate, in words
//! - `verifier`: which certificates are trusted; shows them to who wants to see them

mod config;
mod connect;
mod describe;
mod pins;
mod provider;
mod verifier;

pub(crate) use self::config::{Settings, Tls};
pub(super) use self::connect::refused_by_alert;
pub use self::provider::TlsProvider;
