//! What settings of the library are called on the command line.

/// The longest first where one begins like another.
const OPTIONS: [(&str, &str); 17] = [
    ("batching.window", "--batch"),
    ("heartbeat.interval", "--heartbeat-interval"),
    ("heartbeat.timeout", "--heartbeat-timeout"),
    ("open.timeout", "--connect-timeout"),
    ("outbox.max_age", "--max-age"),
    ("outbox.max_bytes", "--outbox-bytes"),
    ("outbox.max_messages", "--outbox-messages"),
    ("retry.factor", "--factor"),
    ("retry.initial_delay", "--initial-delay"),
    ("retry.max_attempts", "--max-attempts"),
    ("retry.max_delay", "--max-delay"),
    ("retry.max_elapsed", "--max-elapsed"),
    ("retry.overrides", "--retry-on or --stop-on"),
    ("send_rate.burst", "--send-burst"),
    ("send_rate.per_second", "--send-rate"),
    ("batching", "--batch"),
    ("resolve", "--resolve"),
];

/// The library's words about a setting, with the name that it has for whoever has typed it.
pub(crate) fn in_options(words: &str) -> String {
    for (setting, option) in OPTIONS {
        let named = words.strip_prefix(setting).filter(|rest| rest.starts_with([' ', ':']));
        if let Some(rest) = named {
            // Others are named in the middle, always by their dotted names.
            let dotted = OPTIONS.iter().filter(|(setting, _)| setting.contains('.'));
            return dotted.fold(format!("{option}{rest}"), |words, (setting, option)| words.replace(setting, option));
        }
    }
    // Of what stands in files, which are named only by their options here.
    words
        .replace("a root certificate is", "a root certificate of --cacert is")
        .replace("the client certificate is", "the client certificate of --cert is")
        .replace("is not a pin:", "of --pin is not a pin:")
}

/// The library's words about a failure, with the option that whoever reads them has for what they advise.
pub(crate) fn with_options(words: &str) -> String {
    words.replace("as a root certificate", "by --cacert")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use everwire::Client;

    use super::in_options;

    #[test]
    fn a_setting_that_makes_no_sense_is_told_by_the_names_of_the_options() {
        let client = || Client::builder("ws://localhost/");
        for (builder, words) in [
            (
                client().initial_delay(Duration::from_secs(9)).max_delay(Duration::from_secs(1)),
                "--max-delay: 1.0 s: it must not be below --initial-delay, 9.0 s",
            ),
            (client().backoff_factor(0.5), "--factor: out of range: it must be a number from 1 upwards"),
            (client().connect_timeout(Duration::ZERO), "--connect-timeout: zero: it must be longer"),
            (client().outbox_messages(0), "--outbox-messages: zero: it must be at least 1"),
            (
                client().root_certificate(*b"junk"),
                "TLS can't be set up: a root certificate of --cacert is neither PEM nor a certificate in DER",
            ),
            (
                client().client_certificate(*b"junk", *b"junk"),
                "TLS can't be set up: the client certificate of --cert is neither PEM nor a certificate in DER",
            ),
        ] {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let error = runtime.block_on(async { builder.build() }).expect_err(words);
            assert_eq!(in_options(&error.to_string()), words);
        }
        assert_eq!(in_options("resolved is another word"), "resolved is another word");
    }
}
