//! An application of one's own in the simulator: a till that books sales, and a server that adds them up. Whatever the
//! network and the processes do, the sum has to be right in the end.
//!
//! `cargo run -p everwire-testkit --example under_test`

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use everwire_core::session::SessionId;
use everwire_core::{Message, MessageId, Outcome};
use everwire_testkit::sim::{
    ClientApp, ClientIo, Commit, Handled, Kind, PeerId, Run, Scenario, ServerApp, ServerIo, run,
};

/// What outlives a crash: on a real machine, files and a database.
#[derive(Debug, Default)]
struct Disks {
    /// The till's: what was sold and is not confirmed to be booked.
    sold: u64,
    /// The server's: the sum, and in the same transaction how far each session has come.
    sum: u64,
    watermarks: BTreeMap<SessionId, (String, u64)>,
}

#[derive(Debug)]
struct Till(Rc<RefCell<Disks>>);

impl ClientApp for Till {
    /// Work is sales, of one coin each.
    fn work(&mut self, io: &mut ClientIo<'_>, count: u32) {
        for _ in 0..count {
            if io.send(Message::text("1")).is_ok() {
                self.0.borrow_mut().sold += 1;
            }
        }
    }

    fn outcome(&mut self, io: &mut ClientIo<'_>, first: MessageId, last: MessageId, outcome: Outcome) {
        // Nothing else may become of a sale in a session whose server keeps its watermarks.
        if outcome != Outcome::Acknowledged {
            io.fail(format_args!("sales {first:?} to {last:?} are {outcome}"));
        }
    }
}

#[derive(Debug)]
struct Ledger {
    disks: Rc<RefCell<Disks>>,
    /// The transaction that is open: sales, and the sessions' new watermarks.
    sales: u64,
    marks: BTreeMap<PeerId, u64>,
}

/// A transaction is committed so long after its first sale.
const COMMIT: Duration = Duration::from_millis(20);

impl ServerApp for Ledger {
    fn started(&mut self, io: &mut ServerIo<'_>) {
        for (session, (principal, processed)) in &self.disks.borrow().watermarks {
            io.remember(*session, principal, *processed);
        }
    }

    fn opened(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        if let Some(session) = io.session_id(peer) {
            let principal = io.principal(peer).to_owned();
            self.disks.borrow_mut().watermarks.insert(session, (principal, 0));
        }
    }

    fn handle(&mut self, io: &mut ServerIo<'_>, peer: PeerId, _sale: Message) -> Handled {
        if self.marks.is_empty() {
            io.wake_in(COMMIT);
        }
        self.sales += 1;
        self.marks.insert(peer, io.handled(peer));
        Handled::Later
    }

    fn tick(&mut self, io: &mut ServerIo<'_>) {
        let mut disks = self.disks.borrow_mut();
        disks.sum += std::mem::take(&mut self.sales);
        for (peer, mark) in std::mem::take(&mut self.marks) {
            if let Some(session) = io.session_id(peer) {
                disks.watermarks.insert(session, (io.principal(peer).to_owned(), mark));
            }
            io.processed(peer, mark);
        }
    }

    fn crashed(&mut self) {
        (self.sales, self.marks) = (0, BTreeMap::new());
    }

    fn is_done(&self) -> bool {
        self.marks.is_empty()
    }
}

fn main() -> Result<(), String> {
    let (mut sold, mut crashes, mut resumes) = (0, 0, 0);
    for seed in 0..500 {
        let mut scenario = Scenario::random(seed, Kind::Session);
        // A till forgets what it has not sent when it crashes, users close for good, and an end may lie: none of that
        // is this application's promise. Cuts, stalls, moves and crashes of the server are.
        scenario.keep_honest();
        scenario.server.commit = Commit::Each;
        let disks = Rc::new(RefCell::new(Disks::default()));
        let server = Ledger { disks: Rc::clone(&disks), sales: 0, marks: BTreeMap::new() };
        let Run { violation, counts, .. } = run(&scenario, |_| Till(Rc::clone(&disks)), server);
        if let Some(violation) = violation {
            return Err(format!("seed {seed}: {violation}\n{}", scenario.to_text()));
        }
        let disks = disks.borrow();
        if disks.sum != disks.sold {
            return Err(format!("seed {seed}: {} sold, {} booked\n{}", disks.sold, disks.sum, scenario.to_text()));
        }
        (sold, crashes, resumes) = (sold + disks.sold, crashes + counts.server_crashes, resumes + counts.resumes);
    }
    println!("{sold} sales, each booked once, over {resumes} resumptions and {crashes} crashes of the server");
    Ok(())
}
