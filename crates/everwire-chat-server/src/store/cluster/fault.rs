use std::fmt;

/// The reason why this node is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterFault {
    /// An older backup of a stream was restored, or acknowledged posts were lost.
    WentBack,
    /// The streams are of another epoch.
    OtherEpoch,
    /// A stream was removed.
    Missing,
    /// The streams don't answer.
    Silent,
    /// This node does not keep up.
    Behind,
    /// Who may come in is not known for sure.
    Stale,
    /// No outcome came in time.
    Unknown,
    /// A record of who may come in can't be read.
    Unreadable,
}

impl fmt::Display for ClusterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WentBack => {
                "a stream of the cluster holds less than this node has applied: posts were lost, or an older backup was restored; \
                 nothing is stored until this is settled (docs/cluster.md)"
            }
            Self::OtherEpoch => "the cluster has begun a new epoch: start this node again with an empty data folder",
            Self::Missing => "a stream of the cluster was removed: restore it from a backup",
            Self::Silent => "the cluster's streams don't answer: most of the NATS servers may be down; it is tried again",
            Self::Behind => "this node is behind the cluster's streams; it catches up",
            Self::Stale => {
                "the cluster's NATS servers don't answer, so that this node can't be sure who may come in: nobody is let in until they do"
            }
            Self::Unreadable => {
                "the cluster's record of this user or room can't be read: write it anew (everwire user add or ban, everwire room close \
                 or open); until then nobody comes in by it"
            }
            Self::Unknown => "the cluster did not say in time whether it is done: look, and try again",
        })
    }
}
