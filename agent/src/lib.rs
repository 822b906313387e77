//! The agent: keeps one cluster as its bundle says.
pub mod store;
