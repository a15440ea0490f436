//! The two ways of a connection.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One way of a connection. The client is who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// One way of a connection, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directions {
    /// Both ways.
    #[default]
    Both,
    /// From the client to the server only.
    ToServer,
    /// From the server to the client only.
    ToClient,
}

impl Direction {
    /// Both, in a fixed order.
    pub const ALL: [Self; 2] = [Self::ToServer, Self::ToClient];

    /// The other way.
    pub const fn opposite(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

impl Directions {
    /// Returns `true` if `direction` is one of these.
    pub fn contains(self, direction: Direction) -> bool {
        self == Self::Both || self == Self::from(direction)
    }
}

impl From<Direction> for Directions {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::ToServer => Self::ToServer,
            Direction::ToClient => Self::ToClient,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "to-server",
            Self::ToClient => "to-client",
        })
    }
}

impl fmt::Display for Directions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "both",
            Self::ToServer => "to-server",
            Self::ToClient => "to-client",
        })
    }
}
