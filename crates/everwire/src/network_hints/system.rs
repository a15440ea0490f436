use std::io;

use futures_core::Stream;

use super::NetworkChange;

/// The network changes that the operating system reports from now on. A watcher that fails is started again.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows"))]
pub(super) fn changes() -> io::Result<impl Stream<Item = NetworkChange> + Send + 'static> {
    super::persistent::Persistent::start(watched::Changes::start)
}

/// Nothing.
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows")))]
pub(super) fn changes() -> io::Result<futures_core::stream::BoxStream<'static, NetworkChange>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system says nothing about its network"))
}

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows"))]
mod watched {
    use std::collections::HashSet;
    use std::io;
    use std::net::IpAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use futures_core::Stream;
    use if_watch::{IfEvent, IpNet, tokio::IfWatcher};

    use super::super::NetworkChange;

    /// Addresses that come and go.
    #[derive(Debug)]
    pub(super) struct Changes {
        watcher: IfWatcher,
        /// The watcher first tells of the addresses that there are: these are no change.
        untold: HashSet<IpAddr>,
    }

    impl Changes {
        pub(super) fn start() -> io::Result<Self> {
            let untold = if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect();
            Ok(Self { watcher: IfWatcher::new()?, untold })
        }
    }

    impl Stream for Changes {
        type Item = io::Result<NetworkChange>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            loop {
                let (changed, is_up) = match ready!(self.watcher.poll_if_event(cx)) {
                    Ok(IfEvent::Up(changed)) => (changed, true),
                    Ok(IfEvent::Down(changed)) => (changed, false),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                };
                let was_there = self.untold.remove(&changed.addr()) && is_up;
                if counts(&changed) && !was_there {
                    let has_one = self.watcher.iter().any(counts);
                    let change = if has_one { NetworkChange::Changed } else { NetworkChange::Gone };
                    return Poll::Ready(Some(Ok(change)));
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
