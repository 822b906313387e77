//! What the agent decides, without IO.
//!
//! This crate is pure: facts go in, values come out. It reads no clock, file, network or
//! environment and draws no randomness; the shell (`skerry-agent`) does what is decided here.
//!
//! ```text
//! envelope ─▶ accept ─▶ AcceptedBundle ─┐
//! inventory, live facts, discovery ─────┴▶ plan ─▶ Plan ─▶ (shell executes) ─▶ inventory
//!                                                 watch ─▶ drift ─▶ journal ─▶ heal
//!                                         live objects ─▶ health ─┐
//!                                     inventory, drift, held ─────┴▶ report ─▶ session ─▶ hub
//! ```

pub mod accept;
pub mod drift;
pub mod health;
pub mod ignore;
pub mod inventory;
pub mod lease;
pub mod managed_fields;
pub mod marks;
pub mod patch;
pub mod plan;
pub mod report;
pub mod session;

#[cfg(test)]
mod fixtures;
