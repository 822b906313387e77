//! Words, formats and wire types that hub and agent share.
//!
//! This crate is pure: it hashes, verifies, encodes and decodes, and never reads a clock, a file,
//! the network or the environment, and never draws randomness.
//!
//! | module | what lives there |
//! |---|---|
//! | [`id`] | names, ids, epochs, generations |
//! | [`object`] | which Kubernetes object is meant |
//! | [`status`] | the three axes on which state is told |
//! | [`diagnostic`] | errors with a code, a place and a help text |
//! | [`bug`] | panics as errors with an exit code |
//! | [`canonical`] | the one JSON form that is hashed |
//! | [`bundle`] | trust root, bundle root, manifests, packs, deltas, archives |
//! | [`wire`] | what travels on the link |
//! | [`join`] | how a cluster joins: token, and files for a join without a network |
//! | [`journal`] | what the agent remembers of what happened |
//! | [`report`] | what the agent says of the state of its cluster |

pub mod backoff;
pub mod bug;
pub mod bundle;
pub mod canonical;
pub mod diagnostic;
pub mod error_chain;
pub mod explain;
pub mod id;
pub mod join;
pub mod journal;
pub mod limits;
pub mod object;
pub mod redact;
pub mod report;
pub mod status;
pub mod wire;
