//! The agent's tasks; each owns one piece of state, the others get a handle.
//!
//! | task | owns | wakes on |
//! |---|---|---|
//! | [`keeper`] | the store | calls |
//! | [`lease`] | whether this agent may act | time |
//! | [`link`] | the connection to a hub | offers, reports, journal, time |
//! | [`reconcile`] | inventory, drift book, plan | a new target, watch events, time |
//! | [`watch`] | one watch per kind | the API server |

pub mod keeper;
pub mod lease;
pub mod link;
pub mod reconcile;
pub mod watch;
