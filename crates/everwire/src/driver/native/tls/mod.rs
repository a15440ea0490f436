//! TLS, by rustls.
//!
//! - [`Settings`]: what the user wants, not yet checked
//! - [`Tls`]: checked, and made into rustls' configuration when it is needed
//! - `connect`: the handshake, with the server and with a proxy
//! - [`TlsProvider`]: the library that does the cryptography
//! - `pins`: which public keys a server may have
//! - `own`: certificates that are trusted themselves
//! - `describe`: what is wrong with a certificate, in words
//! - `watched`: showing certificates to who wants to see them

mod config;
mod connect;
mod describe;
mod own;
mod pins;
mod provider;
mod watched;

pub(crate) use self::config::{Settings, Tls};
pub(super) use self::connect::refused_by_alert;
pub use self::provider::TlsProvider;
