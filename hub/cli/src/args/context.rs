//! Arguments of `skerry context`.

use clap::{Args, Subcommand};

use crate::output::Format;

/// What to do with contexts.
#[derive(Debug, Clone, Subcommand)]
pub enum ContextCommand {
    /// List contexts; `*` marks the current one.
    List(ListArgs),
    /// Make a context the current one.
    Use(ContextName),
    /// Add a context from `--server`, `--ca-file` and `--token-file`, or change one.
    Add(AddArgs),
    /// Remove a context and its token.
    Remove(ContextName),
}

/// Options of `context list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// Which context.
#[derive(Debug, Clone, Args)]
pub struct ContextName {
    /// Name of the context.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Options of `context add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  skerry context add production --server https://hub.example:8443 --ca-file ca.pem \
                        --token-file token")]
pub struct AddArgs {
    /// Name of the context.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Do not make it the current one.
    #[arg(long)]
    pub keep_current: bool,
}
