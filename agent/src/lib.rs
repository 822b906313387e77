//! The agent: keeps one cluster as its bundle says, with or without a hub.

pub mod admin;
pub mod agent;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod identity;
pub mod join;
pub mod ledger;
pub mod snapshot;
pub mod store;
pub mod target;
pub mod tasks;
pub mod transport;
pub mod trust;
