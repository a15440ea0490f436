//! The extension's parameters in `Sec-WebSocket-Extensions` (RFC 7692 sections 5 and 7.1).

use super::{Agreement, Deflate, WindowBits};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// The client's offer.
pub(crate) fn offer(settings: &Deflate) -> String {
    let mut offer = String::from(NAME);
    if !settings.keep_peer_context {
        push_flag(&mut offer, SERVER_NO_CONTEXT);
    }
    if !settings.keep_own_context {
        push_flag(&mut offer, CLIENT_NO_CONTEXT);
    }
    if settings.peer_window < WindowBits::MAX {
        push_bits(&mut offer, SERVER_BITS, settings.peer_window.bits());
    }
    if settings.own_window < WindowBits::MAX {
        push_bits(&mut offer, CLIENT_BITS, settings.own_window.bits());
    } else {
        push_flag(&mut offer, CLIENT_BITS);
    }
    offer
}

/// The client's check of the server's answer to [`offer`]; the error says which rule it breaks.
pub(crate) fn check_answer(answer: &str, settings: &Deflate) -> Result<Agreement, &'static str> {
    let mut extensions = split(answer, ',').filter(|extension| !extension.is_empty());
    let answer = extensions.next().unwrap_or_default();
    if extensions.next().is_some() {
        return Err("the server accepted more extensions than were offered");
    }
    let parameters = Parameters::parse(answer).ok_or("the server's permessage-deflate parameters are invalid")?;
    let peer_window = match parameters.server_bits {
        Some(Bits::Given(bits)) => bits,
        Some(Bits::Any) => return Err("the server's server_max_window_bits has no value"),
        None => WindowBits::MAX.bits(),
    };
    // A server that can't keep its window small must not accept the offer (section 7.1.2.1).
    if peer_window > settings.peer_window.bits() {
        return Err("the server takes a larger window than was offered");
    }
    if !settings.keep_peer_context && !parameters.server_no_context {
        return Err("the server keeps its context though it was asked not to, which `keep_peer_context` would allow");
    }
    let own_window = match parameters.client_bits {
        Some(Bits::Given(bits)) if bits > settings.own_window.bits() => {
            return Err("the server asks for a larger client window than was offered");
        }
        Some(Bits::Given(bits)) => WindowBits::new(bits),
        Some(Bits::Any) => return Err("the server's client_max_window_bits has no value"),
        None => Some(settings.own_window),
    };
    Ok(Agreement {
        own_context: settings.keep_own_context && !parameters.client_no_context,
        peer_context: !parameters.server_no_context,
        own_window,
        settings: *settings,
    })
}

/// The server's answer to a client's offers: the first that we can keep, and what to put into the response. `None`: no
/// compression (nothing was offered that we know and can keep; that is no error).
pub(crate) fn answer_to(offers: &str, settings: &Deflate) -> Option<(Agreement, String)> {
    split(offers, ',').filter_map(Parameters::parse).find_map(|offer| accept(&offer, settings))
}

fn accept(offer: &Parameters, settings: &Deflate) -> Option<(Agreement, String)> {
    let mut answer = String::from(NAME);

    let own_context = settings.keep_own_context && !offer.server_no_context;
    if !own_context {
        push_flag(&mut answer, SERVER_NO_CONTEXT);
    }
    let peer_context = settings.keep_peer_context && !offer.client_no_context;
    if !peer_context {
        push_flag(&mut answer, CLIENT_NO_CONTEXT);
    }

    let own_window = match offer.server_bits {
        // A value is required in an offer; and a window of 8 bits is none that we could write.
        Some(Bits::Any) => return None,
        Some(Bits::Given(bits)) => WindowBits::new(bits)?.min(settings.own_window),
        None => settings.own_window,
    };
    if own_window < WindowBits::MAX || offer.server_bits.is_some() {
        push_bits(&mut answer, SERVER_BITS, own_window.bits());
    }

    match offer.client_bits {
        // The client does not understand the parameter, so its window can't be asked to be smaller.
        None if settings.peer_window < WindowBits::MAX => return None,
        None => {}
        Some(Bits::Any) if settings.peer_window == WindowBits::MAX => {}
        Some(Bits::Any) => push_bits(&mut answer, CLIENT_BITS, settings.peer_window.bits()),
        Some(Bits::Given(bits)) => push_bits(&mut answer, CLIENT_BITS, bits.min(settings.peer_window.bits())),
    }
    Some((Agreement { own_context, peer_context, own_window: Some(own_window), settings: *settings }, answer))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    /// The parameter without a value.
    Any,
    /// 8 to 15.
    Given(u8),
}

#[derive(Debug, Default)]
struct Parameters {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<Bits>,
    client_bits: Option<Bits>,
}

impl Parameters {
    /// `None` if it is another extension, or has an unknown, repeated or malformed parameter (section 7).
    fn parse(extension: &str) -> Option<Self> {
        let mut parts = split(extension, ';');
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut parameters = Self::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
                None => (part, None),
            };
            match (name, value) {
                (SERVER_NO_CONTEXT, None) => once_flag(&mut parameters.server_no_context)?,
                (CLIENT_NO_CONTEXT, None) => once_flag(&mut parameters.client_no_context)?,
                (SERVER_BITS, value) => once_bits(&mut parameters.server_bits, value)?,
                (CLIENT_BITS, value) => once_bits(&mut parameters.client_bits, value)?,
                _ => return None,
            }
        }
        Some(parameters)
    }
}

fn once_flag(flag: &mut bool) -> Option<()> {
    (!std::mem::replace(flag, true)).then_some(())
}

fn once_bits(bits: &mut Option<Bits>, value: Option<&str>) -> Option<()> {
    let parsed = match value {
        None => Bits::Any,
        // Decimal without leading zeros, 8 to 15 (section 7.1.2).
        Some("8") => Bits::Given(8),
        Some("9") => Bits::Given(9),
        Some(two) if two.len() == 2 && two.starts_with('1') => {
            Bits::Given(two.parse().ok().filter(|bits| (10..=15).contains(bits))?)
        }
        Some(_) => return None,
    };
    bits.replace(parsed).is_none().then_some(())
}

/// Parts at a separator outside quotes, trimmed.
fn split(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn push_flag(list: &mut String, name: &str) {
    list.push_str("; ");
    list.push_str(name);
}

fn push_bits(list: &mut String, name: &str, bits: u8) {
    push_flag(list, name);
    list.push('=');
    list.push_str(&bits.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small_windows() -> Deflate {
        let bits = WindowBits::new(10).unwrap();
        Deflate { own_window: bits, peer_window: bits, ..Deflate::default() }
    }

    fn keeping_contexts() -> Deflate {
        Deflate { keep_own_context: true, keep_peer_context: true, ..Deflate::default() }
    }

    #[test]
    fn the_default_offer_asks_for_no_context_on_either_side() {
        assert_eq!(
            offer(&Deflate::default()),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
        );
    }

    #[test]
    fn an_offer_with_small_windows_and_contexts_says_so() {
        let settings = Deflate { keep_own_context: true, keep_peer_context: true, ..small_windows() };
        assert_eq!(offer(&settings), "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10");
    }

    #[test]
    fn both_sides_come_to_the_same_agreement_for_all_settings() {
        let all = [Deflate::default(), small_windows(), keeping_contexts()];
        for client in all {
            for server in all {
                let (servers, answer) = answer_to(&offer(&client), &server).expect("acceptable");
                let clients = check_answer(&answer, &client).expect("a valid answer");
                assert_eq!(clients.own_context, servers.peer_context);
                assert_eq!(clients.peer_context, servers.own_context);
                assert!(clients.own_window <= Some(server.peer_window));
                assert!(servers.own_window <= Some(client.peer_window));
            }
        }
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_taken() {
        let offers = "x-other, permessage-deflate; bad, permessage-deflate; server_max_window_bits=8, \
                      permessage-deflate; server_max_window_bits=11";
        let (agreement, answer) = answer_to(offers, &keeping_contexts()).expect("the last one");
        assert_eq!(answer, "permessage-deflate; server_max_window_bits=11");
        assert_eq!(agreement.own_window, WindowBits::new(11));
    }

    #[test]
    fn offers_that_break_a_rule_are_declined() {
        for offer in [
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=010",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; server_max_window_bits",
            "permessage-bzip2",
            "",
        ] {
            assert!(answer_to(offer, &Deflate::default()).is_none(), "{offer}");
        }
    }

    #[test]
    fn a_client_that_can_not_limit_its_window_is_not_accepted_where_that_is_asked() {
        assert!(answer_to("permessage-deflate", &small_windows()).is_none());
        assert!(answer_to("permessage-deflate; client_max_window_bits", &small_windows()).is_some());
    }

    #[test]
    fn quoted_values_and_loose_spaces_are_understood() {
        let offer = " permessage-deflate ;client_max_window_bits = \"12\"";
        let (_, answer) = answer_to(offer, &keeping_contexts()).expect("acceptable");
        assert_eq!(answer, "permessage-deflate; client_max_window_bits=12");
    }

    #[test]
    fn answers_that_break_a_rule_are_refused() {
        for (answer, settings) in [
            ("permessage-deflate", Deflate::default()),
            ("permessage-deflate; server_max_window_bits=11", small_windows()),
            ("permessage-deflate; client_max_window_bits=11; server_no_context_takeover", small_windows()),
            ("permessage-deflate; client_max_window_bits", keeping_contexts()),
            ("permessage-deflate; unknown", keeping_contexts()),
            ("permessage-deflate, permessage-deflate", keeping_contexts()),
            ("x-other", keeping_contexts()),
        ] {
            assert!(check_answer(answer, &settings).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_server_that_asks_for_a_window_of_8_bits_gets_uncompressed_messages() {
        let agreement = check_answer("permessage-deflate; client_max_window_bits=8", &keeping_contexts()).unwrap();
        assert_eq!(agreement.own_window, None);
    }
}
