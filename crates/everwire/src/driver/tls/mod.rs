//! TLS, by rustls.
//!
//! - [`Settings`]: what the user wants, not yet checked
//! - [`Tls`]: checked, and made into rustls' configuration when it is needed
//! - `connect`: the handshake, with the server and with a proxy
//! - `pins`: which public keys a server may have

mod config;
mod connect;
mod pins;

pub(crate) use self::config::{Settings, Tls};
pub(super) use self::connect::{Terms, TlsStream, refused_by_alert, terms};
