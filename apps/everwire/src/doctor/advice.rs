//! Advice about a failure.

use everwire::{CertificateProblem, OpenFailure, OpenFailureKind, Phase, ReachProblem, RefusalReason};

use super::certificate::{Certificate, now};
use super::finding::Step;
use crate::describe;

/// The advice where a name has no address.
pub(super) const NO_ADDRESS: &str = "check the spelling, then the network and its DNS: does another name resolve? A name of an \
                                     internal network needs that network or its VPN";
/// The advice where a port refuses connections.
pub(super) const NOT_LISTENING: &str =
    "the machine answers, but nothing listens on this port: is the server running, and is the port right?";
/// The advice where no connection is made for another reason.
pub(super) const NOT_REACHED: &str =
    "is this machine online? A firewall may block the connection, or a proxy may be required (--proxy)";

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
        (OpenFailureKind::Unreachable { is_proxy: true, .. }, _) => {
            "check the proxy's URL, and that the proxy is running; --no-proxy tries without it".into()
        }
        (OpenFailureKind::Unreachable { problem: ReachProblem::NoAddress, .. }, _) => NO_ADDRESS.into(),
        (OpenFailureKind::Unreachable { problem: ReachProblem::Refused, .. }, _) => NOT_LISTENING.into(),
        (OpenFailureKind::Unreachable { .. }, _) => NOT_REACHED.into(),
        (OpenFailureKind::Certificate(problem), phase) => {
            let is_of_server = *problem != CertificateProblem::OfClient && phase != Phase::Proxy;
            match certificate.filter(|_| is_of_server) {
                Some(certificate) => on_certificate(certificate, host),
                None => describe::certificate_advice(*problem).into(),
            }
        }
        (OpenFailureKind::PinMismatch, _) => {
            "if the server's key was changed on purpose, pin the new one; if not, the connection may be intercepted".into()
        }
        (OpenFailureKind::Refused { status, .. }, Phase::Proxy) => on_proxy_status(*status),
        (OpenFailureKind::Refused { status, reason, .. }, _) => on_refusal(*status, *reason),
        (OpenFailureKind::ProxyDenied, _) => {
            "ask the proxy's operator; a user and password go into its URL: socks5://USER:PASSWORD@HOST:PORT".into()
        }
        (OpenFailureKind::NotWebSocket, Phase::Tls) => "try ws:// instead of wss://, or another port".into(),
        (OpenFailureKind::NotWebSocket, Phase::Proxy) => {
            "check the kind of the proxy: its URL may begin with http://, https://, socks5:// or socks5h://".into()
        }
        (OpenFailureKind::Compression, _) => {
            "leave --compression away: the server's answer to the offer of compression is not valid".into()
        }
        (OpenFailureKind::NotWebSocket, _) => {
            "what answers is not a WebSocket server, or one that breaks the protocol: check the port and the path, and whether the \
             network shows a login page; a subprotocol that the server requires is offered by -s NAME"
                .into()
        }
        (OpenFailureKind::Hook, _) => "the token's command or file has failed: try the command alone, or check the file".into(),
        (OpenFailureKind::BadRequest, _) => "check the URL and the headers".into(),
        (OpenFailureKind::Timeout, Phase::Request) => {
            "the token command printed nothing in time: try it alone, or allow more time by --timeout".into()
        }
        (OpenFailureKind::Timeout, Phase::Tls) => {
            "TCP connects, and TLS gets no answer: a firewall may drop it, or the server is overloaded".into()
        }
        (OpenFailureKind::Timeout, Phase::Upgrade) => {
            "the server accepts connections and does not answer: is it overloaded, or does it speak another protocol?".into()
        }
        (OpenFailureKind::Timeout, Phase::Proxy) => {
            "the proxy does not answer: can it reach the server, and is it a proxy of this kind?".into()
        }
        (_, Phase::Tls) => {
            "the server may not speak TLS on this port: try ws://, or another port; if it does, check its logs".into()
        }
        _ => "try again; if it fails again, check the server's logs".into(),
    }
}

fn on_refusal(status: u16, reason: RefusalReason) -> String {
    match reason {
        RefusalReason::OtherVersion => {
            "the server speaks only an older version of the protocol than RFC 6455: update the server".into()
        }
        RefusalReason::RedirectLoop => {
            "the server redirects in a circle. It may require a cookie or other credentials (-H 'Cookie: …'); if not, its \
             configuration is wrong: check its logs"
                .into()
        }
        RefusalReason::RedirectToPlain => {
            "the server redirects from wss:// to ws://, which is not followed: use that address only if anybody on the way may read \
             the messages"
                .into()
        }
        RefusalReason::TooManyRedirects => {
            "use the address that the redirects lead to, or allow more of them by --max-redirects".into()
        }
        RefusalReason::InvalidRedirect => {
            "the server redirects to no valid address: its configuration is wrong, check its logs".into()
        }
        RefusalReason::Intermediary => {
            "a proxy on the way gave this answer, not the server: ask its operator, or use wss://, which it can't read".into()
        }
        _ => on_status(status),
    }
}

fn on_certificate(certificate: &Certificate, host: &str) -> String {
    let now = now();
    if certificate.not_after < now {
        let days = -certificate.days_left(now);
        format!(
            "the certificate has expired {days} days ago: the server needs a new one. If not, check this machine's clock"
        )
    } else if certificate.not_before > now {
        "the certificate is not valid yet: check this machine's clock, then the server's certificate".into()
    } else if certificate.names.is_empty() {
        format!(
            "the certificate names no host, and a common name does not count: the server needs one with a subject alternative name, as \
             made by openssl's -addext 'subjectAltName=DNS:{host}'"
        )
    } else if !certificate.is_for(host) {
        format!("the certificate is not for {host}: use one of the names that it is for, or get another for the server")
    } else if certificate.is_its_own_issuer() {
        "the certificate is self-signed: if it is the right one, trust it by --cacert FILE".into()
    } else if certificate.others == 0 {
        "this machine does not trust the certificate's issuer. The server sends no intermediate certificates: it may lack some. \
         For a company's own issuer use --cacert FILE"
            .into()
    } else {
        "check that the name in the URL is one of the certificate's, and that this machine trusts its issuer; for a company's \
         own issuer use --cacert FILE"
            .into()
    }
}

fn on_status(status: u16) -> String {
    match status {
        200..=299 => {
            "this is a page, not a WebSocket: check the path (that of everwire's chat server is /ws) and the host's name (Caddy \
             answers unknown names with an empty page)"
                .into()
        }
        300..=399 => "use the address that it redirects to, or --max-redirects 5".into(),
        401 => "the server requires credentials: --bearer-file, --token-command, or -H 'Authorization: …'".into(),
        403 => "the server refuses access: it may require credentials (--bearer-file), or others, or an Origin: -H 'Origin: https://…'".into(),
        404 | 410 => "check the path; that of everwire's chat server is /ws".into(),
        400 | 426 => {
            "first check the proxy in front of the server, if there is one: nginx, Apache, lighttpd, h2o and Varnish pass \
             on the Upgrade only if they are configured to. If not, the server may require a subprotocol (-s NAME) or an Origin"
                .into()
        }
        407 => "a proxy on the way requires credentials: --proxy http://USER:PASSWORD@HOST:PORT".into(),
        408 | 425 | 429 => "too many requests or too early: wait, and check the server's limits".into(),
        502..=504 => "a proxy answered, and can't reach the server behind it: check that server".into(),
        500..=599 => "the server has failed: check its logs".into(),
        _ => "check the server's documentation for this status".into(),
    }
}

fn on_proxy_status(status: u16) -> String {
    match status {
        407 => "the proxy requires credentials: --proxy http://USER:PASSWORD@HOST:PORT".into(),
        403 | 405 => {
            "the proxy does not allow this server or port; many, as Squid does by default, allow CONNECT to port \
                      443 only. Ask its operator, or use wss:// on port 443"
                .into()
        }
        404 | 500 | 502..=504 => "the proxy can't reach the server: does the proxy know the server's name?".into(),
        _ => "ask the proxy's operator; --no-proxy tries without it".into(),
    }
}

#[cfg(test)]
mod tests {
    use everwire::{CertificateProblem, OpenFailure, OpenFailureKind, Phase, ReachProblem, RefusalReason};

    use super::{NO_ADDRESS, NOT_LISTENING, NOT_REACHED, on};

    fn advice(phase: Phase, kind: OpenFailureKind) -> String {
        // The words of the failure decide nothing.
        on(&OpenFailure { phase, kind, detail: String::new() }, None, "feed.example")
    }

    fn refused(status: u16, reason: RefusalReason) -> OpenFailureKind {
        OpenFailureKind::Refused { status, retry_after: None, fresh_credentials: false, reason }
    }

    #[test]
    fn the_advice_follows_from_the_kind_of_a_failure_whatever_its_words_are() {
        let unreachable = |is_proxy, problem| advice(Phase::Tcp, OpenFailureKind::Unreachable { is_proxy, problem });
        assert_eq!(unreachable(false, ReachProblem::NoAddress), NO_ADDRESS);
        assert_eq!(unreachable(false, ReachProblem::Refused), NOT_LISTENING);
        assert_eq!(unreachable(false, ReachProblem::NoAnswer), NOT_REACHED);
        assert!(unreachable(true, ReachProblem::Refused).contains("the proxy is running"));
        for (phase, kind, part) in [
            (
                Phase::Tls,
                OpenFailureKind::Certificate(CertificateProblem::WrongName),
                "use a name that the certificate is for",
            ),
            (Phase::Tls, OpenFailureKind::Certificate(CertificateProblem::Expired), "this machine's clock"),
            (Phase::Tls, OpenFailureKind::Certificate(CertificateProblem::OfClient), "--cert FILE"),
            (Phase::Tls, OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer), "--cacert FILE"),
            (Phase::Upgrade, refused(302, RefusalReason::Status), "use the address that it redirects to"),
            (Phase::Upgrade, refused(302, RefusalReason::RedirectLoop), "in a circle"),
            (Phase::Upgrade, refused(302, RefusalReason::RedirectToPlain), "from wss:// to ws://"),
            (Phase::Upgrade, refused(302, RefusalReason::TooManyRedirects), "--max-redirects"),
            (Phase::Upgrade, refused(302, RefusalReason::InvalidRedirect), "no valid address"),
            (Phase::Upgrade, refused(426, RefusalReason::OtherVersion), "an older version"),
            (Phase::Upgrade, refused(403, RefusalReason::Intermediary), "a proxy on the way"),
            (Phase::Upgrade, refused(403, RefusalReason::Status), "refuses access"),
            (Phase::Proxy, refused(407, RefusalReason::Status), "the proxy requires credentials"),
            (Phase::Upgrade, OpenFailureKind::Compression, "leave --compression away"),
            (Phase::Upgrade, OpenFailureKind::NotWebSocket, "not a WebSocket server"),
        ] {
            let told = format!("{kind:?}");
            let advice = advice(phase, kind);
            assert!(advice.contains(part), "{told}: {advice}");
        }
    }
}
