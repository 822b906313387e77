//! Arguments of `skerry bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::output::Format;

/// What to do with bundles.
#[derive(Debug, Clone, Subcommand)]
pub enum BundleCommand {
    /// Write a cluster's whole bundle to a file, for `skerry-agent import`.
    Export(ExportArgs),
    /// Show what a bundle file holds; needs no hub. Says nothing of whether it counts: see `verify`.
    Inspect(InspectArgs),
    /// Check a bundle file against a trust root; needs no hub.
    Verify(VerifyArgs),
}

/// Options of `bundle export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Name of the cluster.
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// File to write; `-` is stdout.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub force: bool,
}

/// Options of `bundle inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// File to read.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `bundle verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// File to read.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Digest of the trust root that counts: the archive carries it. It also stands in join commands.
    #[arg(long, value_name = "sha256:DIGEST", conflicts_with = "trust_root")]
    pub pin: Option<String>,
    /// Trust root that counts, as a file; the archive's must be this one or follow from it.
    #[arg(long, value_name = "FILE")]
    pub trust_root: Option<PathBuf>,
    /// Id of the cluster that the bundle must be for.
    #[arg(long, value_name = "ID")]
    pub cluster: Option<String>,
}
