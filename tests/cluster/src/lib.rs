//! What several nodes promise together, checked over everything that all their clients have seen.
//!
//! Pure: a [`record::Record`] goes in, [`rules::violations`] come out. The program of this crate makes such records with
//! real brokers, nodes, clients and faults; the tests make them with a model in memory, which can break each
//! of the promises.
//!
//! | module | what |
//! |---|---|
//! | [`record`] | what the clients have seen, and what was done to the nodes meanwhile |
//! | [`rules`] | the promises |
//! | [`dice`] | chance that a seed repeats |

pub mod dice;
pub mod record;
pub mod rules;

#[cfg(test)]
mod model;
