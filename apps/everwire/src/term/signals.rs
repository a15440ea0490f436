//! Signals: asked once, leave in order; asked twice, leave at once.

use std::time::Duration;

use tokio::sync::watch;

use super::{complain, restore};
use crate::exit::Exit;

/// Leaving in order is given this long beyond its own deadline, then the process ends all the same.
const BACKSTOP: Duration = Duration::from_secs(2);

/// Says whether the user wants to leave. Cloned handles say the same.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    asked: watch::Sender<u32>,
}

impl Stop {
    /// Listens for interrupt and termination signals. After the first, the command has `grace` to end by itself.
    pub(crate) fn listen(grace: Duration) -> Self {
        let stop = Self { asked: watch::Sender::new(0) };
        let handle = stop.clone();
        // Before this returns: whoever sees the command at work may signal it.
        let signals = Signals::new();
        tokio::spawn(async move { handle.run(signals, grace).await });
        stop
    }

    /// Ctrl-C that came as a key instead of a signal.
    pub(crate) fn press(&self) {
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Resolves once leaving has been asked for; at once if it was before. Cancel-safe.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.subscribe();
        // The sender lives as long as `self`, so this ends only with the condition.
        let _ = asked.wait_for(|&asked| asked > 0).await;
    }

    async fn run(&self, mut signals: Signals, grace: Duration) {
        let mut presses = self.asked.subscribe();
        let mut code = Exit::Interrupted.code();
        tokio::select! {
            _ = presses.wait_for(|&asked| asked > 0) => {}
            by = signals.next() => { code = by; self.press(); }
        }
        tokio::select! {
            _ = presses.wait_for(|&asked| asked > 1) => leave(code),
            by = signals.next() => leave(by),
            () = tokio::time::sleep(grace.saturating_add(BACKSTOP)) => {
                restore();
                complain("could not leave in order in time");
                leave(Exit::Undelivered.code())
            }
        }
    }
}

fn leave(code: u8) -> ! {
    restore();
    std::process::exit(code.into())
}

#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    /// The terminal was closed.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// A signal that can't be listened for keeps its usual effect.
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hangup: if is_to_outlive_terminal() { None } else { signal(SignalKind::hangup()).ok() },
        }
    }

    /// The exit code that shells give to a process that the signal ended.
    async fn next(&mut self) -> u8 {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>) {
            let received = match signal {
                Some(signal) => signal.recv().await,
                None => None,
            };
            if received.is_none() {
                std::future::pending::<()>().await;
            }
        }
        tokio::select! {
            () = one(&mut self.interrupt) => 130,
            () = one(&mut self.terminate) => 143,
            () = one(&mut self.hangup) => 129,
        }
    }
}

/// Whether we were started so as to ignore that our terminal is closed, as `nohup` does: to listen would undo that. Where
/// the system does not say so, it is taken to be.
#[cfg(unix)]
fn is_to_outlive_terminal() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & HANGUP != 0)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
