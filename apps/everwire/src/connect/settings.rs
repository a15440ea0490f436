//! Makes a client of the options.

use std::sync::Arc;

use everwire::{Batching, Cause, Client, SendRate};
use http::Uri;

use crate::args::ConnectArgs;
use crate::exit::Failure;
use crate::token;
use crate::{describe, doctor};

/// Builds the client; it does not connect yet, so that none of its events is missed.
pub(super) fn client(args: &ConnectArgs, url: &str) -> Result<Client, Failure> {
    let mut builder = args
        .connection
        .apply(Client::builder(url))
        .guarantee(args.delivery.guarantee.into())
        .outbox_messages(args.delivery.outbox_messages)
        .outbox_bytes(args.delivery.outbox_bytes)
        .overflow(args.delivery.overflow.into())
        .on_normal_close(args.on_normal_close())
        .fragment_above(args.delivery.fragment_above.0)
        .connect_on_build(false);
    for name in &args.subprotocols {
        builder = builder.subprotocol(name);
    }
    if !args.first.is_empty() {
        let first: Arc<[String]> = args.first.clone().into();
        builder = builder.on_open(move |mut connection| {
            let first = Arc::clone(&first);
            async move {
                for text in &*first {
                    connection.send(text.clone()).await?;
                }
                Ok(())
            }
        });
    }
    if let Some(age) = args.delivery.max_age {
        builder = builder.max_age(age);
    }
    if let Some(rate) = args.delivery.send_rate {
        builder = builder.send_rate(SendRate::per_second(rate).burst(args.delivery.send_burst));
    }
    if let Some(window) = args.delivery.batch {
        let mut batching = Batching::default();
        batching.window = window;
        builder = builder.batching(batching);
    }
    let builder = args.network.read()?.apply(args.protocol.apply(builder));
    token::attach(builder, &args.token).build().map_err(|error| describe::build_failure(&error))
}

/// Whether a `ws://` address has failed as it does at a port that speaks TLS.
pub(super) fn may_be_tls(url: &str, cause: &Cause) -> bool {
    let plain = url.parse().is_ok_and(|url: Uri| url.scheme_str() == Some("ws"));
    plain && matches!(cause, Cause::OpenFailed(failure) if doctor::may_be_tls(failure))
}

/// Advice to use `wss://`, if the port of this address speaks TLS.
pub(super) async fn tls_instead(args: &ConnectArgs, url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let (host, port) = (url.host()?, url.port_u16().unwrap_or(80));
    let builder = args.network.read().ok()?.apply(Client::builder(format!("wss://{host}:{port}/")));
    let speaks = doctor::speaks_tls(builder, args.connection.connect_timeout).await.ok()?;
    speaks.then(|| format!("port {port} speaks TLS: use wss:// instead of ws://"))
}
