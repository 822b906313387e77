//! Runs the `helm` program for charts of kustomizations: what the hub and `skerry build` share.
//!
//! ```text
//! chart in the source ───────────────▶ template ──▶ YAML
//! repository ──pull──▶ kept charts ──▶    │
//!                                  a folder for each call
//! ```
//! Each call has a folder of its own, for its owner alone, which goes away afterwards: chart and
//! values lie there, and Helm's own settings, so that neither those of a user nor the environment
//! count. Nothing is ever written to where a source lies. Output and time are bounded. Helm runs
//! what templates say, but no program; only `pull` uses the network.
//!
//! **What is kept.** A chart that was fetched at an exact version is kept, and taken again without
//! the network. It is a cache: what is damaged is fetched anew.

mod call;
mod files;
mod kept;
mod program;

pub use program::{ChartDefaults, Fetch, HelmProgram, HelmSettings};
