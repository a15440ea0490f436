//! `everwire connect`: sends the lines of stdin as messages, and prints what is received, over lost connections.
//!
//! - [`settings`]: makes a client of the options
//! - [`input`]: makes messages of stdin, no faster than they can be sent
//! - [`session`]: the loop over all events
//! - [`end`]: why it ended; [`ending`]: the flush, the close, and the exit code
//! - [`ledger`]: the outcome of each line
//! - [`report`], [`json`]: what is printed, as text or as JSON, without I/O

mod end;
mod ending;
mod input;
mod json;
mod ledger;
mod report;
mod session;
mod settings;

use crate::address;
use crate::args::{ColorArg, ConnectArgs};
use crate::exit::{Exit, Failure};
use crate::term::{Console, Stop};

pub(crate) async fn run(args: ConnectArgs, color: ColorArg) -> Result<Exit, Failure> {
    let address = address::normalise(&args.url, "/").map_err(Failure::usage)?;
    let client = settings::client(&args, &address.url)?;
    let stop = Stop::listen(ending::PATIENCE.min(args.close_timeout));
    let console =
        if args.receive_only || args.binary || args.report.json { Console::plain() } else { Console::open("> ") };
    let report = report::Report::new(&args, console.look(color));
    let session = session::Session::start(args, client, console, report, stop);
    let (session, end) = session.run(&address).await;
    ending::end(session, end).await
}
