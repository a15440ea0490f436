//! `everwire proxy`: a faulty network for any client and any server.
//!
//! - [`schedule`]: loads or makes the schedule
//! - [`report`]: formats what is printed, without I/O
//! - [`control`]: the HTTP interface

mod control;
mod report;
mod schedule;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use everwire_testkit::proxy::{Builder, Events, Proxy, StartError};
use tokio::net::TcpListener;

use crate::args::{ColorArg, ProxyArgs};
use crate::exit::{Exit, Failure};
use crate::logs;
use crate::term::{self, Console, Gone, Stop};

/// The longest time for the end.
const PARTING: Duration = Duration::from_secs(3);

pub(crate) async fn run(args: ProxyArgs, color: ColorArg) -> Result<Exit, Failure> {
    if let Some(path) = &args.check {
        let schedule = schedule::load(path)?;
        tell(&report::checked(path, &schedule));
        return Ok(Exit::Done);
    }
    let (schedule, from) = schedule::chosen(&args)?;
    if args.print {
        tell(schedule.to_toml().trim_end());
        return Ok(Exit::Done);
    }
    let to = args.to.as_deref().unwrap_or_default();
    // The control port first: if it is in use, nothing else is started.
    let control = match &args.control {
        Some(address) => Some(control::listen(address).await?),
        None => None,
    };
    let proxy = start(Proxy::builder(to).listen(&args.listen).schedule(schedule)).await?;
    let stop = Stop::listen(PARTING);
    tokio::spawn(logs::tell_lost());
    let events = proxy.events();
    let started = if args.json { report::json_started } else { report::banner };
    tell(&started(&proxy, to, &from, control.as_ref()));
    serve(&args, Arc::new(proxy), control, events, stop, term::look(color, &std::io::stdout())).await
}

async fn start(builder: Builder) -> Result<Proxy, Failure> {
    builder.start().await.map_err(|error| {
        let exit = if let StartError::Upstream { .. } = error { Exit::Usage } else { Exit::Failed };
        Failure::new(exit, line(&error))
    })
}

/// Runs until Ctrl-C, or until the output can't be written any more.
async fn serve(
    args: &ProxyArgs,
    proxy: Arc<Proxy>,
    control: Option<TcpListener>,
    mut events: Events,
    stop: Stop,
    look: term::Look,
) -> Result<Exit, Failure> {
    let mut console = Console::plain();
    let control = control.map(|listener| tokio::spawn(control::serve(listener, Arc::clone(&proxy))));
    let show = |event| if args.json { report::json(&event) } else { report::event(&event, look) };
    let told: Result<(), Gone> = async {
        loop {
            tokio::select! {
                () = stop.asked() => break,
                event = events.next() => match event {
                    Some(event) => {
                        console.line(&show(event)).await?;
                        // Once per batch.
                        while let Some(event) = events.try_next() {
                            console.line(&show(event)).await?;
                        }
                        console.flush().await?;
                    }
                    None => break,
                },
            }
        }
        Ok(())
    }
    .await;
    let stats = proxy.stop().await;
    if let Some(control) = control {
        control.abort();
    }
    match told {
        Err(gone) if !gone.is_quiet() => return Err(Failure::new(Exit::Failed, gone.line())),
        Err(_) => return Ok(Exit::Done),
        Ok(()) => {}
    }
    let rest: Vec<String> = std::iter::from_fn(|| events.try_next()).map(show).collect();
    let summary = if args.json { report::json_summary(&stats) } else { report::summary(&stats) };
    tell(&rest.into_iter().chain([summary]).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

/// Prints to stdout. It is no failure if nobody reads it.
fn tell(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// An error with its cause, in one line.
fn line(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
