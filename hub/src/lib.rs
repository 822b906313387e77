//! The hub: reads Git, renders, signs and offers bundles.

pub mod api;
pub mod backup;
pub mod command_line;
pub mod config;
pub mod control;
pub mod explainer;
pub mod git;
pub mod hub;
pub mod init;
pub mod keys;
pub mod metrics;
pub mod quic;
pub mod signer;
pub mod store;
pub mod tasks;
pub mod trust;
pub mod workshop;
