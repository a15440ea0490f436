//! Replaces the names of the library's settings in its errors by the command line's options.

use everwire::{BuildError, ConfigError};

/// Settings and their options. Of two that begin alike, the longer one comes first.
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

/// Why a client can't be built, in which settings are named as the options that the user has typed.
pub(crate) fn in_options(error: &BuildError) -> String {
    let BuildError::Setting(ConfigError { setting, problem }) = error else { return of_files(&error.to_string()) };
    let option = OPTIONS.iter().find(|(name, _)| name == setting).map_or(*setting, |(_, option)| option);
    // In the middle, other settings are always named by their dotted names.
    let dotted = OPTIONS.iter().filter(|(setting, _)| setting.contains('.'));
    let problem = dotted.fold(problem.clone(), |words, (setting, option)| words.replace(setting, option));
    format!("{option}: {problem}")
}

/// Errors about the content of files, which the library does not know by an option.
fn of_files(words: &str) -> String {
    words
        .replace("a root certificate is", "a root certificate of --cacert is")
        .replace("the client certificate is", "the client certificate of --cert is")
        .replace("is not a pin:", "of --pin is not a pin:")
}

/// The library's advice about a failure, in which the builder's method is named as an option.
pub(crate) fn with_options(words: &str) -> String {
    words.replace("as a root certificate", "by --cacert")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use everwire::Client;

    use super::in_options;

    #[test]
    fn an_error_about_a_setting_names_its_option() {
        let client = || Client::builder("ws://localhost/");
        for (builder, words) in [
            (
                client().initial_delay(Duration::from_secs(9)).max_delay(Duration::from_secs(1)),
                "--max-delay: 1.0 s: it must not be below --initial-delay, 9.0 s",
            ),
            (
                client().max_delay(Duration::from_millis(1)),
                "--max-delay: 1.0 ms: it must not be below --initial-delay, 1.0 s",
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
            assert_eq!(in_options(&error), words);
        }
    }
}
