//! The agent: keeps one cluster as its bundle says.

pub mod cluster;
pub mod store;
pub mod identity;
pub mod join;
pub mod tasks;
pub mod transport;
