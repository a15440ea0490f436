//! `everwire call`: one call or stream of a server's handler.

use std::convert::Infallible;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use everwire::{CallError, CallOpenError, CallOptions, Client, Closed, Execution, Message, SessionMode, State};

use crate::address;
use crate::args::CallArgs;
use crate::exit::{Exit, Failure};
use crate::term::Stop;
use crate::{describe, token};

/// The longest time for the close, which tells the server that everything is processed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: CallArgs) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/").map_err(Failure::usage)?;
    let builder = args.connection.apply(Client::builder(&address.url)).session(SessionMode::Require);
    let client = token::attach(args.network.read()?.apply(builder), &args.token)
        .build()
        .map_err(|error| describe::build_failure(&error))?;
    let stop = Stop::listen(CLOSE_TIMEOUT);
    let result = tokio::select! {
        result = make(&client, &args) => result,
        never = report_lost_connection(&client) => match never {},
        () = stop.asked() => Err(Failure::new(Exit::Undelivered, format!("cancelled{}", why_not_connected(&client)))),
    };
    // Also sends the cancellation of a call that was stopped.
    let _ = client.close(CLOSE_TIMEOUT).await;
    result
}

async fn make(client: &Client, args: &CallArgs) -> Result<Exit, Failure> {
    let mut options = CallOptions::new();
    if let Some(deadline) = args.deadline {
        options = options.deadline(deadline);
    }
    let payload = args.payload.as_str();
    if !args.stream {
        let reply = client.call_with(&args.name, payload, options).await;
        print(&reply.map_err(|error| failure(client, error))?)?;
        return Ok(Exit::Done);
    }
    let mut stream = client.stream_with(&args.name, payload, options);
    while let Some(item) = stream.next().await {
        let is_read = print(&item.map_err(|error| failure(client, error))?)?;
        // Nobody reads the output any more: dropping the stream cancels it.
        if !is_read {
            break;
        }
    }
    Ok(Exit::Done)
}

/// Reports once that there is no connection, and why: the call itself waits without a report.
async fn report_lost_connection(client: &Client) -> Infallible {
    let waits = |state: &State| matches!(state, State::Disconnected { .. });
    let mut states = client.watch_state();
    if let Ok(state) = states.wait_for(waits).await
        && let State::Disconnected { cause, .. } = &*state
    {
        eprintln!("everwire: not connected, trying again: {}", describe::cause(cause));
    }
    std::future::pending().await
}

fn why_not_connected(client: &Client) -> String {
    match client.state() {
        State::Disconnected { cause, .. } => format!("; there is no connection: {}", describe::cause(&cause)),
        _ => String::new(),
    }
}

/// Prints text as a line, and bytes as they are. Returns whether the output is still read.
fn print(message: &Message) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    let mut written = stdout.write_all(message.payload());
    if message.as_text().is_some() {
        written = written.and_then(|()| stdout.write_all(b"\n"));
    }
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(Exit::Failed, format!("output can't be written: {error}"))),
        Ok(()) => Ok(true),
    }
}

fn failure(client: &Client, error: CallError) -> Failure {
    let (is_refused, ending) = match client.state() {
        State::Closed(closed @ (Closed::Refused(_) | Closed::GaveUp { .. })) => {
            (matches!(closed, Closed::Refused(_)), Some(describe::closed(&closed).1))
        }
        _ => (false, None),
    };
    let exit = match &error {
        CallError::Failed(_) | CallError::NotSupported | CallError::Open(CallOpenError::NotSupported) => Exit::Refused,
        CallError::Open(_) | CallError::BadPayload(_) => Exit::Usage,
        CallError::Closed(_) | CallError::NotSent(_) if is_refused => Exit::Refused,
        CallError::Closed(_) | CallError::NotSent(_) => Exit::GaveUp,
        _ => Exit::Undelivered,
    };
    let mut words = match (&error, std::error::Error::source(&error)) {
        (CallError::Failed(failure), _) => match &failure.data {
            Some(data) => format!("{failure}: {data}"),
            None => failure.to_string(),
        },
        (CallError::Closed(execution), _) if ending.is_some() => execution.to_string(),
        (error, Some(source)) => format!("{error}: {source}"),
        (error, None) => error.to_string(),
    };
    if let Some(ending) = ending {
        words = format!("{ending}; {words}");
    } else {
        if matches!(error, CallError::DeadlinePassed(_)) {
            words.push_str(&why_not_connected(client));
        }
        words.push_str(whether_again(&error));
    }
    Failure::new(exit, words)
}

/// Whether trying again makes sense, after a semicolon; nothing where the error itself says what is wrong with the call.
fn whether_again(error: &CallError) -> &'static str {
    match (error.is_retryable(), error.execution()) {
        (true, _) => "; try again later",
        (false, Execution::Taken | Execution::Unknown) if error.failure().is_none() => {
            "; try again only if the handler may run twice"
        }
        (false, _) => "",
    }
}

#[cfg(test)]
mod tests {
    use everwire::{CallError, Execution, Failure, call_codes};

    use super::whether_again;

    #[test]
    fn a_failed_call_says_whether_trying_again_makes_sense() {
        for (error, advice) in [
            (CallError::Failed(Failure::new(call_codes::TOO_MANY, "busy")), "; try again later"),
            (CallError::DeadlinePassed(Execution::NotRun), "; try again later"),
            (CallError::Lost(Execution::NotRun), "; try again later"),
            (CallError::Lost(Execution::Unknown), "; try again only if the handler may run twice"),
            (CallError::DeadlinePassed(Execution::Taken), "; try again only if the handler may run twice"),
            (CallError::Failed(Failure::new("overdrawn", "not enough money")), ""),
            (CallError::Failed(Failure::new(call_codes::UNKNOWN_NAME, "no such handler")), ""),
            (CallError::NotSupported, ""),
        ] {
            assert_eq!(whether_again(&error), advice, "{error:?}");
        }
    }
}
