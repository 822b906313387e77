//! What may be written on the command line.
//!
//! Documentation comments of fields are the help texts, and `docs/cli.md` is made from them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::output::ColorChoice;

pub mod build;
pub mod bundle;
pub mod cluster;
pub mod context;
pub mod get;
pub mod parse;
pub mod target;
pub mod wait;
pub mod why;

/// GitOps for fleets of Kubernetes clusters that lose the mainland.
#[derive(Debug, Parser)]
#[command(name = "skerry", disable_version_flag = true, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, equal, healthy · 1 the answer is no · 2 you must change something · \
                        3 not possible now, try again · 4 a bug.\nThe first question of the day: skerry status")]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Address of the hub's API, in place of the context's.
    #[arg(long, global = true, env = "SKERRY_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// File with the API token.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// API token. Other users of this machine can see it: prefer `--token-file`.
    #[arg(long, global = true, env = "SKERRY_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// File with the CA certificate of the hub's API, as PEM.
    #[arg(long, global = true, env = "SKERRY_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Context to use, in place of the current one.
    #[arg(long, global = true, env = "SKERRY_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// Configuration file; `~/.config/skerry/config.yaml` by default.
    #[arg(long, global = true, env = "SKERRY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long one request may take.
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = parse::duration)]
    pub request_timeout: Duration,
    /// When there is colour.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the fleet: counts per group, then what needs a person, worst first.
    Status(get::StatusArgs),
    /// List things, or show one.
    Get(get::GetArgs),
    /// Show one thing with everything that is known of it.
    Describe(get::DescribeArgs),
    /// Say why an object on a cluster is as it is: which commit, file and step set each field, and what holds it back.
    Why(why::WhyArgs),
    /// Wait until something is true of a cluster.
    Wait(wait::WaitArgs),
    /// Register, revoke and steer clusters.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Take bundles out as files, and look into such files.
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Build a kustomization and print it, as `kustomize build` does; needs no hub.
    Build(build::BuildArgs),
    /// Print the JSON Schema of a kind of fleet document.
    Schema(get::SchemaArgs),
    /// Explain an error code; needs no hub.
    Explain(get::ExplainArgs),
    /// Say which hubs there are, and which one is asked.
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Print a completion script for a shell.
    Completion(get::CompletionArgs),
    /// Print the version.
    Version(get::VersionArgs),
    /// Show everything in seconds, with no cluster: a hub and five agents in this process.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
}

/// Options of `demo`.
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave it running at the end, with the API's address and a token printed.
    #[arg(long)]
    pub keep: bool,
    /// Show the logs of hub and agents too.
    #[arg(long, short)]
    pub verbose: bool,
}

#[cfg(test)]
mod tests;
