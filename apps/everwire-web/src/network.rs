//! Whether the browser reports that there is no network.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use everwire::State;
use web_time::Instant;

use crate::browser;
use crate::frames::Frames;

/// How long the browser's report counts although there is a connection. Meanwhile a ping tests the connection.
const PROOF: Duration = Duration::from_secs(4);

/// The browser's reports about the network.
#[derive(Default)]
pub(crate) struct Network {
    gone_since: Cell<Option<Instant>>,
}

impl Network {
    /// Listens for as long as the page lives; a change requests a frame.
    pub(crate) fn watch(frames: &Rc<Frames>) -> Rc<Self> {
        let network = Rc::new(Self::default());
        if browser::is_offline() {
            network.gone_since.set(Some(Instant::now()));
        }
        for event in ["offline", "online"] {
            let (network, frames) = (Rc::clone(&network), Rc::clone(frames));
            browser::always_on(&browser::window(), event, move |_| {
                network.gone_since.set((event == "offline").then(Instant::now));
                frames.plan();
                let frames = Rc::clone(&frames);
                browser::later(PROOF, move || frames.plan());
            });
        }
        network
    }

    /// Whether there is no network, by the browser's report and the connection's state.
    pub(crate) fn is_gone(&self, link: &State) -> bool {
        self.gone_since.get().is_some_and(|since| !link.is_connected() || since.elapsed() < PROOF)
    }
}
