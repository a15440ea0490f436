//! `everwire connect`: lines in, messages out, through every loss of the connection.
//!
//! - [`settings`]: the options become a client
//! - [`input`]: stdin becomes messages, no faster than they can be sent
//! - [`session`]: everything that happens, until it ends and how
//! - [`end`]: why it ended; [`ending`]: the flush, the farewell, and the exit code
//! - [`ledger`]: what became of each line
//! - [`report`], [`json`]: what is said about it, without I/O

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
