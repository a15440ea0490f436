//! `everwire call`: one call or stream of a server's handler.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use everwire::{CallError, CallOptions, Client, Message, SessionMode};

use crate::address;
use crate::args::CallArgs;
use crate::exit::{Exit, Failure};
use crate::term::Stop;
use crate::token;

/// How long the farewell may take: the server is told that all is processed.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: CallArgs) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/").map_err(Failure::usage)?;
    let builder = args.connection.apply(Client::builder(&address.url)).session(SessionMode::Require);
    let client = token::attach(args.network.read()?.apply(builder), &args.token)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let stop = Stop::listen(FAREWELL);
    let result = tokio::select! {
        result = make(&client, &args) => result,
        () = stop.asked() => Err(Failure::new(Exit::Undelivered, "cancelled")),
    };
    // A cancel goes out with it.
    let _ = client.close(FAREWELL).await;
    result
}

async fn make(client: &Client, args: &CallArgs) -> Result<Exit, Failure> {
    let mut options = CallOptions::new();
    if let Some(deadline) = args.deadline {
        options = options.deadline(deadline);
    }
    let payload = args.payload.as_str();
    if !args.stream {
        let reply = client.call_with(&args.name, payload, options).await.map_err(failure)?;
        return print(&reply);
    }
    let mut stream = client.stream_with(&args.name, payload, options);
    while let Some(item) = stream.next().await {
        print(&item.map_err(failure)?)?;
    }
    Ok(Exit::Done)
}

/// Text as a line, bytes as they are.
fn print(message: &Message) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    let mut written = stdout.write_all(message.payload());
    if message.as_text().is_some() {
        written = written.and_then(|()| stdout.write_all(b"\n"));
    }
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("output can't be written: {error}")))
        }
        _ => Ok(Exit::Done),
    }
}

fn failure(error: CallError) -> Failure {
    let exit = match &error {
        CallError::Failed(_) | CallError::NotSupported => Exit::Refused,
        CallError::Open(_) | CallError::BadPayload(_) => Exit::Usage,
        CallError::Closed(_) | CallError::NotSent(_) => Exit::GaveUp,
        _ => Exit::Undelivered,
    };
    let words = match (&error, std::error::Error::source(&error)) {
        (CallError::Failed(failure), _) => match &failure.data {
            Some(data) => format!("{failure}: {data}"),
            None => failure.to_string(),
        },
        (error, Some(source)) => format!("{error}: {source}"),
        (error, None) => error.to_string(),
    };
    Failure::new(exit, words)
}
