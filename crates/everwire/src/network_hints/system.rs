use std::io;

use futures_core::Stream;

use super::NetworkChange;

/// What the operating system says from now on.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows"))]
pub(super) fn changes() -> io::Result<impl Stream<Item = NetworkChange> + Send + 'static> {
    watched::Changes::start()
}

/// Nothing.
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows")))]
pub(super) fn changes() -> io::Result<futures_core::stream::BoxStream<'static, NetworkChange>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system says nothing about its network"))
}

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows"))]
mod watched {
    use std::io;
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};
    use std::time::{Duration, Instant};

    use futures_core::Stream;
    use if_watch::{IfEvent, IpNet, tokio::IfWatcher};

    use super::super::NetworkChange;

    /// Addresses that come and go.
    #[derive(Debug)]
    pub(super) struct Changes {
        watcher: IfWatcher,
        start: Instant,
    }

    /// The watcher first tells of the addresses that there are, in the same way and without an end. So what it tells this
    /// soon is no change.
    const FIRST: Duration = Duration::from_secs(1);

    impl Changes {
        pub(super) fn start() -> io::Result<Self> {
            Ok(Self { watcher: IfWatcher::new()?, start: Instant::now() })
        }
    }

    impl Stream for Changes {
        type Item = NetworkChange;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            loop {
                let event = ready!(self.watcher.poll_if_event(cx));
                let Ok(IfEvent::Up(changed) | IfEvent::Down(changed)) = event else { return Poll::Ready(None) };
                if self.start.elapsed() > FIRST && counts(&changed) {
                    let has_one = self.watcher.iter().any(counts);
                    let change = if has_one { NetworkChange::Changed } else { NetworkChange::Gone };
                    return Poll::Ready(Some(change));
                }
            }
        }
    }

    /// Whether the address leads anywhere.
    fn counts(net: &IpNet) -> bool {
        match net.addr() {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
            IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
        }
    }
}
