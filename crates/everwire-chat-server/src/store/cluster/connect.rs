//! The connection to the NATS servers, and whether they are what is needed.

use std::time::Duration;

use async_nats::jetstream::context::AccountErrorKind;
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::error::ClusterError;
use super::settings::ClusterSettings;

/// How long the servers may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest version: single messages can expire since then.
const OLDEST: (u64, u64) = (2, 11);

pub(super) async fn connect(settings: &ClusterSettings) -> Result<Client, ClusterError> {
    let mut servers = Vec::with_capacity(settings.servers.len());
    for server in &settings.servers {
        let address: ServerAddr = server.parse().map_err(|_| ClusterError::Address { server: shown(server) })?;
        servers.push(address);
    }
    if servers.is_empty() {
        return Err(ClusterError::Address { server: "nothing".to_owned() });
    }
    let mut options = ConnectOptions::new()
        .name("everwire")
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .ping_interval(Duration::from_secs(2))
        .client_capacity(8 << 10)
        .subscription_capacity(64 << 10)
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(50)
                .saturating_mul(u32::try_from(attempt).unwrap_or(u32::MAX))
                .min(Duration::from_secs(1))
        })
        .event_callback(|event| async move {
            match event {
                async_nats::Event::Connected => tracing::info!("connected to the cluster's NATS servers"),
                async_nats::Event::Disconnected => tracing::warn!("the connection to the NATS server is lost"),
                other => tracing::debug!(event = %other, "of the NATS connection"),
            }
        });
    // The client library leaves out what stands in an address.
    if let Some((user, password)) = servers.iter().find_map(user_and_password) {
        options = options.user_and_password(user, password);
    }
    if let Some(file) = &settings.credentials {
        let unusable = |error: std::io::Error| ClusterError::File { file: file.clone(), cause: error.to_string() };
        options = options.credentials_file(file).await.map_err(unusable)?;
    }
    if let Some(file) = &settings.ca {
        if let Err(error) = std::fs::metadata(file) {
            return Err(ClusterError::File { file: file.clone(), cause: error.to_string() });
        }
        options = options.add_root_certificates(file.clone());
    }
    options.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => ClusterError::Credentials,
        _ => ClusterError::Unreachable { cause: described(&error) },
    })
}

/// Those in an address, if there are any.
fn user_and_password(server: &ServerAddr) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(server.username()?), decoded(server.password().unwrap_or_default())))
}

pub(super) fn check_version(version: &str) -> Result<(), ClusterError> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok(()),
        _ => Err(ClusterError::TooOld { version: version.to_owned() }),
    }
}

pub(super) async fn check_jetstream(streams: &Context) -> Result<(), ClusterError> {
    match streams.query_account().await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            AccountErrorKind::JetStream(refused)
                if matches!(
                    refused.error_code(),
                    ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
                ) =>
            {
                Err(ClusterError::NoJetStream)
            }
            AccountErrorKind::JetStreamUnavailable => Err(ClusterError::NoJetStream),
            _ => Err(ClusterError::Unreachable { cause: format!("JetStream does not answer: {}", described(&error)) }),
        },
    }
}

/// An address without what may be a password.
pub(super) fn shown(server: &str) -> String {
    match (server.split_once("://"), server.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => server.to_owned(),
    }
}

/// An error and its causes, in one line.
pub(super) fn described<E: std::error::Error>(error: &E) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_line = cause.to_string();
        if !line.contains(&cause_line) {
            line = format!("{line}: {cause_line}");
        }
        source = cause.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_expiring_messages_is_too_old() {
        assert!(check_version("2.11.0").is_ok() && check_version("2.15.1").is_ok() && check_version("3.0.0").is_ok());
        assert!(check_version("2.9.10").is_err() && check_version("nonsense").is_err());
    }

    #[test]
    fn user_and_password_are_taken_out_of_an_address() {
        let of = |address: &str| user_and_password(&address.parse().unwrap());
        assert_eq!(of("nats://ana:a%20secret@host"), Some(("ana".to_owned(), "a secret".to_owned())));
        assert_eq!(of("nats://ana:a secret@host"), Some(("ana".to_owned(), "a secret".to_owned())));
        assert_eq!(of("tls://host:4222"), None);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(shown("nats://ana:secret@host:x"), "nats://host:x");
        assert_eq!(shown("ana:secret@host"), "host");
        assert_eq!(shown("host:1"), "host:1");
    }
}
