//! Arguments of `skerry cluster`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::parse::{self, Labels};
use crate::output::Format;

/// What to do with a cluster.
#[derive(Debug, Clone, Subcommand)]
pub enum ClusterCommand {
    /// Register a cluster and print the command that its agent joins with.
    Register(RegisterArgs),
    /// Shut a cluster out: its certificate no longer counts. What it runs stays as it is.
    Revoke(NameArgs),
    /// Make a new join command for a cluster, revoked or not.
    Rejoin(RejoinArgs),
    /// Allow a deletion that a guard holds.
    ConfirmPrune(ConfirmPruneArgs),
    /// Look at Git and ask a cluster for a full pass now.
    Sync(NameArgs),
}

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub struct NameArgs {
    /// Name of the cluster.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Options of `cluster register`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Without a network, carry files: `skerry-agent join --offline` writes a request,\n  skerry cluster \
                        register edge-01 --request request.json --reply reply.json\nanswers it, and the reply goes \
                        back to the agent."
)]
pub struct RegisterArgs {
    /// Name of the cluster: lower-case letters, digits and `-`.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Labels that groups select by: `env=production,region=eu`.
    #[arg(long = "labels", short = 'l', value_name = "KEY=VALUE", value_parser = parse::labels)]
    pub labels: Vec<Labels>,
    /// How long the join command may be used.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, conflicts_with = "request")]
    pub expires: Option<Duration>,
    /// Request file of an agent without a network.
    #[arg(long, value_name = "FILE", requires = "reply")]
    pub request: Option<PathBuf>,
    /// Where the reply file goes; `-` is stdout.
    #[arg(long, value_name = "FILE", requires = "request")]
    pub reply: Option<PathBuf>,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `cluster rejoin`.
#[derive(Debug, Clone, Args)]
pub struct RejoinArgs {
    /// Name of the cluster.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Request file of an agent without a network.
    #[arg(long, value_name = "FILE", requires = "reply")]
    pub request: Option<PathBuf>,
    /// Where the reply file goes; `-` is stdout.
    #[arg(long, value_name = "FILE", requires = "request")]
    pub reply: Option<PathBuf>,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `cluster confirm-prune`.
#[derive(Debug, Clone, Args)]
pub struct ConfirmPruneArgs {
    /// Name of the cluster.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Digest of the held list; every list that is held now when absent. `skerry describe cluster NAME` shows them.
    #[arg(long, value_name = "DIGEST")]
    pub list: Option<String>,
}
