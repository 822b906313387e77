//! The hub: reads Git, renders, signs and offers bundles.

pub mod git;
