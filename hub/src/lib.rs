//! The hub: reads Git, renders, signs and offers bundles.

pub mod api;
pub mod git;
pub mod metrics;
pub mod quic;
pub mod store;
