use std::time::Duration;

use bytes::BytesMut;
use everwire_ws::handshake::{Accepted, ClientHandshake, HandshakeError, ServerHandshake, accept_with, response_bytes};
use everwire_ws::{Config, Connection, Role};
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::{OpenError, Socket};

/// The result of a server's opening.
#[derive(Debug)]
pub struct Opened {
    /// The client's request.
    pub request: Request<()>,
    /// The response that was sent, with the subprotocol and the extensions that it agrees to.
    pub accepted: Accepted,
}

/// Opens a WebSocket as the client of `stream`, which is connected already (TCP, TLS on top, or anything else).
///
/// [`ClientHandshake::compression`] offers compression; the extensions that were agreed on replace
/// [`Config::extensions`]. `mask_seed` must come from the operating system's randomness. There is no time limit: put
/// `tokio::time::timeout` around it. The body of a refusal is waited for no longer than 500 ms, for which the runtime
/// needs its time driver (`enable_time`).
///
/// Not cancel-safe: dropping the future drops the stream.
///
/// # Errors
/// [`OpenError::Handshake`] if the server refuses (with its status, headers and the start of its body) or breaks a rule,
/// [`OpenError::Io`] if the transport fails. See the [crate](crate) for an example.
pub async fn client<S>(
    mut stream: S,
    mut handshake: ClientHandshake,
    mut config: Config,
    mask_seed: [u8; 32],
) -> Result<(Socket<S>, Accepted), OpenError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let written = async {
        stream.write_all(&handshake.request_bytes()).await?;
        stream.flush().await
    };
    // A server that refuses early may have reset the way there; its answer can still be on the way back.
    let write_error = written.await.err();
    let mut input = BytesMut::with_capacity(READ_AT_ONCE);
    let mut refused_at = None;
    let accepted = loop {
        let read = if handshake.is_refused() {
            let waited = refused_at.get_or_insert_with(Instant::now).elapsed();
            timeout(REST_OF_A_BODY.saturating_sub(waited), stream.read_buf(&mut input)).await.unwrap_or(Ok(0))
        } else {
            stream.read_buf(&mut input).await
        };
        let end_of_stream = matches!(read, Ok(0) | Err(_));
        match (handshake.receive(&mut input, end_of_stream), read, write_error.is_some()) {
            (Ok(Some(accepted)), _, false) => break accepted,
            (Ok(None), Ok(1..), _) => {}
            (Err(HandshakeError::Incomplete) | Ok(_), read, _) => {
                return Err(match (write_error, read) {
                    (Some(error), _) | (None, Err(error)) => OpenError::Io(error),
                    (None, Ok(_)) => OpenError::Handshake(HandshakeError::Incomplete),
                });
            }
            (Err(error), ..) => return Err(OpenError::Handshake(error)),
        }
        input.reserve(READ_AT_ONCE);
    };
    config.extensions = accepted.extensions.clone();
    let mut connection = Connection::new(Role::Client, config, mask_seed);
    connection.receive(&input);
    Ok((Socket::new(stream, connection), accepted))
}

/// Opens a WebSocket as the server of a bare `stream`, for programs without an HTTP library.
///
/// `choose` picks one of the offered subprotocols (see [`accept_with`]); [`Config::compression`] has the settings by
/// which permessage-deflate may be agreed on. A request that can't be accepted is answered before the error is
/// returned. There is no time limit: put `tokio::time::timeout` around it, or clients that open slowly pile up.
///
/// Not cancel-safe: dropping the future drops the stream.
///
/// # Errors
/// [`OpenError::Request`] and [`OpenError::Rejected`] if the request is not valid, [`OpenError::Io`] and
/// [`OpenError::UnexpectedEnd`] if the transport fails. See the [crate](crate) for an example.
pub async fn server<S>(
    mut stream: S,
    mut config: Config,
    choose: impl FnOnce(&[&str]) -> Option<String>,
) -> Result<(Socket<S>, Opened), OpenError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut handshake = ServerHandshake::new();
    let mut input = BytesMut::with_capacity(READ_AT_ONCE);
    let request = loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Err(OpenError::UnexpectedEnd);
        }
        match handshake.receive(&mut input) {
            Ok(Some(request)) => break request,
            Ok(None) => input.reserve(READ_AT_ONCE),
            Err(error) => {
                refuse(&mut stream, &response_bytes(&error.response())).await?;
                return Err(OpenError::Request(error));
            }
        }
    };
    let accepted = match accept_with(&request, choose, config.compression.as_ref()) {
        Ok(accepted) => accepted,
        Err(rejection) => {
            refuse(&mut stream, &response_bytes(&rejection.response)).await?;
            return Err(OpenError::Rejected(rejection));
        }
    };
    stream.write_all(&response_bytes(&accepted.response)).await?;
    stream.flush().await?;
    config.extensions = accepted.extensions.clone();
    let mut connection = Connection::new(Role::Server, config, [0; 32]);
    connection.receive(&input);
    Ok((Socket::new(stream, connection), Opened { request, accepted }))
}

const READ_AT_ONCE: usize = 2 << 10;
/// How long a client waits for what a refusal promises beyond its head.
const REST_OF_A_BODY: Duration = Duration::from_millis(500);

async fn refuse<S: AsyncWrite + Unpin>(stream: &mut S, response: &[u8]) -> Result<(), OpenError> {
    stream.write_all(response).await?;
    stream.flush().await?;
    Ok(stream.shutdown().await?)
}
