use crate::sim::agenda::Nanos;
use crate::sim::hostile::Abuse;
use crate::sim::socket::Socket;

/// One connection of such a server. It reads only to learn of its end.
#[derive(Debug)]
pub(crate) struct Hostile {
    pub(super) socket: Box<Socket>,
    pub(super) by: Abuse,
    /// When it says something again, or leaves.
    pub(super) next: Nanos,
}
