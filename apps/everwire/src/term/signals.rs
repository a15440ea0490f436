//! Signals: the first one asks the command to end in order, the second one ends the process at once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

#[cfg(windows)]
use tokio::signal::windows;
use tokio::sync::watch;

use super::{complain, restore};
use crate::exit::Exit;

/// The time beyond the command's own deadline after which the process is ended anyway.
const BACKSTOP: Duration = Duration::from_secs(2);

/// Whether the user has asked the command to end. Clones share it.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: watch::Sender<u32>,
    last_word: Arc<Mutex<Option<LastWord>>>,
}

/// Makes the line to print when the process ends early.
type LastWord = Box<dyn Fn() -> Option<String> + Send>;

impl Stop {
    /// Listens for interrupt and termination signals. After the first, the command has `grace` to end.
    ///
    /// A thread of its own enforces that, so that no amount of other work delays it.
    pub(crate) fn listen(grace: Duration) -> Self {
        let stop = Self { asked: watch::Sender::new(0), last_word: Arc::default() };
        let handle = stop.clone();
        let (listening, listens) = mpsc::channel();
        let watching = thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let signals = Signals::new();
                let _ = listening.send(());
                handle.run(signals, grace).await;
            });
        });
        // Signals are listened for before the command does anything that can be seen from outside. If the thread can't be
        // started, signals keep their usual effect.
        if watching.is_ok() {
            let _ = listens.recv();
        }
        stop
    }

    /// Ctrl-C that came as a key instead of a signal.
    pub(crate) fn press(&self) {
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Resolves once the end was asked for; at once if it was before. Cancel-safe.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.subscribe();
        // The sender lives as long as `self`, so this ends only with the condition.
        let _ = asked.wait_for(|&asked| asked > 0).await;
    }

    /// Sets the line to print when the process ends early: at the second request, or after the deadline.
    pub(crate) fn say_at_last(&self, word: impl Fn() -> Option<String> + Send + 'static) {
        *self.last_word.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(word));
    }

    async fn run(&self, mut signals: Signals, grace: Duration) {
        let mut presses = self.asked.subscribe();
        let mut code = Exit::Interrupted.code();
        tokio::select! {
            _ = presses.wait_for(|&asked| asked > 0) => {}
            by = signals.next() => { code = by; self.press(); }
        }
        tokio::select! {
            _ = presses.wait_for(|&asked| asked > 1) => self.leave(code),
            by = signals.next() => self.leave(by),
            () = tokio::time::sleep(grace.saturating_add(BACKSTOP)) => {
                restore();
                complain("could not end in order in time");
                self.leave(Exit::Undelivered.code())
            }
        }
    }

    fn leave(&self, code: u8) -> ! {
        restore();
        let last_word = self.last_word.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = last_word.as_ref().and_then(|word| word()) {
            complain(&word);
        }
        std::process::exit(code.into())
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("asked", &self.asked).finish_non_exhaustive()
    }
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

/// Whether this process was started to ignore SIGHUP, as by `nohup`; listening for it would undo that.
#[cfg(target_os = "linux")]
fn is_to_outlive_terminal() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask & HANGUP != 0,
        None => is_hangup_ignored_by_children(),
    }
}

/// Other systems do not report it.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_to_outlive_terminal() -> bool {
    is_hangup_ignored_by_children()
}

/// Children inherit ignored signals, so a child that sends itself SIGHUP survives only if it is ignored. No safe function
/// reports it.
#[cfg(unix)]
fn is_hangup_ignored_by_children() -> bool {
    outlives_hangup(std::process::Command::new("sh"))
}

#[cfg(unix)]
fn outlives_hangup(mut shell: std::process::Command) -> bool {
    use std::process::Stdio;
    shell.args(["-c", "kill -HUP $$"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// Ctrl-C, Ctrl-Break, and the events that the console is closed, the user logs off or the machine shuts down; after the last
/// three the system ends a program within some five seconds.
#[cfg(windows)]
struct Signals {
    interrupt: Option<windows::CtrlC>,
    interrupt_by_break: Option<windows::CtrlBreak>,
    close: Option<windows::CtrlClose>,
    log_off: Option<windows::CtrlLogoff>,
    shutdown: Option<windows::CtrlShutdown>,
}

#[cfg(windows)]
impl Signals {
    /// An event that can't be listened for keeps its usual effect.
    fn new() -> Self {
        Self {
            interrupt: windows::ctrl_c().ok(),
            interrupt_by_break: windows::ctrl_break().ok(),
            close: windows::ctrl_close().ok(),
            log_off: windows::ctrl_logoff().ok(),
            shutdown: windows::ctrl_shutdown().ok(),
        }
    }

    /// The exit code that a shell reports for a process that the corresponding signal ended.
    async fn next(&mut self) -> u8 {
        /// Waits for an event; for ever if it can't be listened for.
        macro_rules! one {
            ($signal:expr) => {
                async {
                    let received = match $signal {
                        Some(signal) => signal.recv().await,
                        None => None,
                    };
                    if received.is_none() {
                        std::future::pending::<()>().await;
                    }
                }
            };
        }
        tokio::select! {
            () = one!(&mut self.interrupt) => 130,
            () = one!(&mut self.interrupt_by_break) => 130,
            () = one!(&mut self.close) => 129,
            () = one!(&mut self.log_off) => 143,
            () = one!(&mut self.shutdown) => 143,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::outlives_hangup;

    fn shell(through: &[&str]) -> Command {
        let mut command = Command::new(through[0]);
        command.args(&through[1..]).arg("sh");
        command
    }

    #[test]
    fn a_child_shows_that_hangups_are_ignored() {
        assert!(outlives_hangup(shell(&["nohup"])));
    }

    /// However the tests themselves were started.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_shows_that_hangups_are_not_ignored() {
        assert!(!outlives_hangup(shell(&["env", "--default-signal=HUP"])));
    }
}
