//! SOCKS 5 (RFC 1928), by tokio-socks.

use std::io;
use std::net::{IpAddr, SocketAddr};

use everwire_core::{OpenFailure, OpenFailureKind, Phase};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error, TargetAddr};

use crate::driver::native::failure;
use crate::proxy::ProxyUrl;
use crate::target::Target;

pub(super) async fn open<S>(
    stream: S,
    proxy: &ProxyUrl,
    target: &Target,
    address: Option<SocketAddr>,
) -> Result<S, OpenFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = match (address, target.host().parse::<IpAddr>()) {
        (Some(address), _) => TargetAddr::Ip(address),
        (None, Ok(ip)) => TargetAddr::Ip(SocketAddr::new(ip, target.port())),
        (None, Err(_)) if target.host().len() > LONGEST_NAME => {
            return Err(failure::bad_request(format!("SOCKS takes names of up to {LONGEST_NAME} bytes")));
        }
        (None, Err(_)) => TargetAddr::Domain(target.host().into(), target.port()),
    };
    let opened = match &proxy.credentials {
        None => Socks5Stream::connect_with_socket(stream, asked).await,
        Some(credentials) => {
            let (user, password) = (&credentials.user, &credentials.password);
            Socks5Stream::connect_with_password_and_socket(stream, asked, user, password).await
        }
    };
    opened.map(Socks5Stream::into_inner).map_err(|error| describe(&error, proxy, target))
}

/// What one byte can count.
const LONGEST_NAME: usize = 255;

fn describe(error: &Error, proxy: &ProxyUrl, target: &Target) -> OpenFailure {
    let (place, target) = (proxy.host_and_port(), target.host_and_port());
    let denied = |detail| OpenFailure { phase: Phase::Proxy, kind: OpenFailureKind::ProxyDenied, detail };
    let unreachable = |why: &str| failure::io(Phase::Proxy, format!("{place} can't connect to {target}: {why}"));
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            failure::io(Phase::Proxy, format!("{place} ended the connection without an answer"))
        }
        Error::Io(error) => failure::io(Phase::Proxy, format!("{place}: {}", failure::io_words(error))),
        Error::PasswordAuthFailure(_) => denied(format!("{place} refused the credentials")),
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired if proxy.credentials.is_some() => {
            denied(format!("{place} wants more than a user and a password"))
        }
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired => denied(format!(
            "{place} wants credentials: put them into the proxy's URL, as in socks5://user:password@{place}"
        )),
        // Some say so of an address that they have no way to, too.
        Error::ConnectionNotAllowedByRuleset => unreachable("its rules forbid it"),
        Error::CommandNotSupported => denied(format!("{place} makes no connections")),
        Error::AddressTypeNotSupported => unreachable("it knows no addresses of this kind"),
        Error::GeneralSocksServerFailure => unreachable("general failure"),
        Error::NetworkUnreachable => unreachable("network unreachable"),
        Error::HostUnreachable => unreachable("host unreachable"),
        Error::ConnectionRefused => unreachable("connection refused"),
        Error::TtlExpired => unreachable("no answer"),
        Error::InvalidTargetAddress(why) | Error::InvalidAuthValues(why) => failure::bad_request((*why).to_owned()),
        Error::InvalidResponseVersion
        | Error::UnknownAuthMethod
        | Error::UnknownError
        | Error::InvalidReservedByte
        | Error::UnknownAddressType
        | Error::ParseError(_)
        | Error::ProxyServerUnreachable
        | Error::IdentdAuthFailure
        | Error::InvalidUserIdAuthFailure => failure::not_web_socket(
            Phase::Proxy,
            format!("the answer of {place} is not SOCKS 5; is it another kind of proxy?"),
        ),
    }
}
