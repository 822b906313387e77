//! The operator's command line: asks the hub, and works on files without it.
//!
//! ```text
//! arguments ──args──▶ Cli ──┬─ offline: explain, schema, build, bundle inspect|verify, context, completion
//!                           └─ config ▸ client ──HTTPS──▶ hub ──views──▶ commands ──output──▶ stdout
//!                                                                             errors ───────▶ stderr
//! ```
//!
//! | module | what it decides |
//! |---|---|
//! | [`args`] | what may be written on the command line |
//! | [`config`] | contexts: which hub, which CA, which token |
//! | [`client`] | how the hub is asked, and what its refusals mean |
//! | [`commands`] | one verb per file |
//! | [`output`] | tables, ages, JSON, YAML |
//! | [`errors`] | exit codes and error texts |
//! | [`reference`] | `docs/cli.md` |
//! | [`rows`] | what of each kind of thing is shown as columns |
//! | [`folder`] | a folder as a source of manifests |
//!
//! stdout is data, stderr is talk. It links the hub's pure core and never the hub; only the `demo`
//! feature links both shells.

pub mod args;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod errors;
pub mod folder;
pub mod output;
pub mod reference;
pub mod rows;
mod run;

pub use run::{command_line, run};
