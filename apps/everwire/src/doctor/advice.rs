//! What to do about what failed.

use everwire::{OpenFailure, OpenFailureKind, Phase, RefusalReason};

use super::certificate::{Certificate, now};
use super::finding::Step;
use crate::describe;

/// The step that an opening has failed in.
pub(super) fn step(failure: &OpenFailure) -> Step {
    match failure.phase {
        Phase::Dns => Step::Name,
        Phase::Tcp => Step::Tcp,
        Phase::Proxy => Step::Proxy,
        Phase::Tls => Step::Tls,
        Phase::Request => Step::Request,
        _ => Step::Upgrade,
    }
}

pub(super) fn on(failure: &OpenFailure, certificate: Option<&Certificate>, host: &str) -> String {
    match (&failure.kind, failure.phase) {
        (OpenFailureKind::Certificate(problem), phase) => match certificate.filter(|_| phase != Phase::Proxy) {
            Some(certificate) => on_certificate(certificate, host),
            None => describe::certificate_advice(*problem).into(),
        },
        (OpenFailureKind::PinMismatch, _) => {
            "if the server's key has changed by intent, pin the new one; if not, somebody may be in between".into()
        }
        (OpenFailureKind::Refused { status, .. }, Phase::Proxy) => on_proxy_status(*status),
        (OpenFailureKind::Refused { status, reason, .. }, _) => on_refusal(*status, *reason),
        (OpenFailureKind::ProxyDenied, _) => {
            "ask whoever runs the proxy; a user and password go into its URL: socks5://USER:PASSWORD@HOST:PORT".into()
        }
        (OpenFailureKind::NotWebSocket, Phase::Tls) => "try ws:// instead of wss://, or another port".into(),
        (OpenFailureKind::NotWebSocket, Phase::Proxy) => {
            "is it a proxy of this kind? http://, https://, socks5:// and socks5h:// are understood".into()
        }
        (OpenFailureKind::Compression, _) => {
            "leave --compression away: the server does not keep to what was asked for with it".into()
        }
        (OpenFailureKind::NotWebSocket, _) => {
            "something answers that is no WebSocket server, or one that breaks its rules: check port and path, and whether \
             a login page of the network is in between; a subprotocol that the server insists on is offered by -s NAME"
                .into()
        }
        (OpenFailureKind::Hook, _) => "the command or file that gives the token has failed: try it by itself".into(),
        (OpenFailureKind::BadRequest, _) => "look at the URL and the headers that were given".into(),
        (OpenFailureKind::Timeout, Phase::Request) => {
            "the token command gave nothing in time: try it by itself, or give it longer by --timeout".into()
        }
        (OpenFailureKind::Timeout, Phase::Tls) => {
            "TCP connects and TLS gets no answer: something in between may swallow it, or the server is overloaded".into()
        }
        (OpenFailureKind::Timeout, Phase::Upgrade) => {
            "the server accepts connections and does not answer: is it overloaded, or does it wait for something else?".into()
        }
        (OpenFailureKind::Timeout, Phase::Proxy) => {
            "the proxy does not answer: can it reach the server, and is it a proxy of this kind?".into()
        }
        (_, Phase::Tls) => {
            "the server may speak no TLS on this port: try ws://, or another port; if it does, look at its logs".into()
        }
        _ => "try again; if it stays, look at the server's logs".into(),
    }
}

fn on_refusal(status: u16, reason: RefusalReason) -> String {
    match reason {
        RefusalReason::OtherVersion => {
            "the server speaks only an older version of the protocol than RFC 6455's: it has to be updated".into()
        }
        RefusalReason::RedirectLoop => {
            "the server redirects in a circle, as it may do for who brings no cookie or other credentials (-H 'Cookie: …'); if \
             not, it is set up wrongly: look at its logs"
                .into()
        }
        RefusalReason::RedirectToPlain => {
            "the server leads from wss:// to ws://, which is not followed: use the address that it redirects to only if \
             everybody may read what is said"
                .into()
        }
        RefusalReason::TooManyRedirects => {
            "use the address that the redirects lead to, or allow more of them by --max-redirects".into()
        }
        RefusalReason::InvalidRedirect => {
            "the server redirects to no address that can be connected to: it is set up wrongly, look at its logs".into()
        }
        RefusalReason::Intermediary => {
            "a proxy on the way says that, not the server: ask whoever runs it, or use wss://, into which it can't look".into()
        }
        _ => on_status(status),
    }
}

fn on_certificate(certificate: &Certificate, host: &str) -> String {
    let now = now();
    if certificate.not_after < now {
        let days = -certificate.days_left(now);
        format!(
            "the certificate has expired {days} days ago: the server needs a new one. If not, look at this machine's clock"
        )
    } else if certificate.not_before > now {
        "the certificate is not valid yet: look at this machine's clock, then at the server".into()
    } else if certificate.names.is_empty() {
        format!(
            "the certificate names no host, and a common name does not count: have one made with a subject alternative name, as \
             by openssl's -addext 'subjectAltName=DNS:{host}'"
        )
    } else if !certificate.is_for(host) {
        format!(
            "the certificate is not for {host}: use one of the names that it is for, or have the server given another"
        )
    } else if certificate.is_its_own_issuer() {
        "the server has signed its certificate itself: if that is meant to be, give it by --cacert FILE".into()
    } else if certificate.others == 0 {
        "nobody this machine trusts has issued it. The server shows no intermediate certificates: it may lack some. For a \
         company's own issuer use --cacert FILE"
            .into()
    } else {
        "check that the name in the URL is one of the certificate's, and that its issuer is trusted here; for a company's \
         own issuer use --cacert FILE"
            .into()
    }
}

fn on_status(status: u16) -> String {
    match status {
        200..=299 => {
            "this is a page, not a WebSocket: is the path right? That of everwire's chat server is /ws. Is the host's \
             name right? Caddy answers names that it does not know with an empty page"
                .into()
        }
        300..=399 => "use the address that it redirects to, or --max-redirects 5".into(),
        401 => "the server wants credentials: --bearer-file, --token-command, or -H 'Authorization: …'".into(),
        403 => "the server says no: it may want credentials (--bearer-file), or others, or an Origin: -H 'Origin: https://…'".into(),
        404 | 410 => "check the path; that of everwire's chat server is /ws".into(),
        400 | 426 => {
            "first look at the proxy in front of the server, if there is one: nginx, Apache, lighttpd, h2o and \
                      Varnish lose the Upgrade unless they are told to pass it on. If not, the server may insist on a \
                      subprotocol (-s NAME) or an Origin"
                .into()
        }
        407 => "a proxy in between wants credentials: --proxy http://USER:PASSWORD@HOST:PORT".into(),
        408 | 425 | 429 => "too much or too soon: wait, and look at the server's limits".into(),
        502..=504 => "the server behind the one that answers can't be reached: look there".into(),
        500..=599 => "the server has failed: look at its logs".into(),
        _ => "look at the server's documentation for this status".into(),
    }
}

fn on_proxy_status(status: u16) -> String {
    match status {
        407 => "the proxy wants credentials: --proxy http://USER:PASSWORD@HOST:PORT".into(),
        403 | 405 => {
            "the proxy does not allow this server or port; many, as Squid does by default, allow CONNECT to port \
                      443 only. Ask whoever runs it, or use wss:// on port 443"
                .into()
        }
        404 | 500 | 502..=504 => "the proxy can't reach the server: is the name right, as the proxy sees it?".into(),
        _ => "ask whoever runs the proxy; --no-proxy tries without it".into(),
    }
}
