//! Arguments of the commands that show things.

use clap::Args;

use super::target::{Target, TargetParser};
use crate::output::Format;

/// Options of `get`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  skerry get clusters -o wide\n  skerry get apps --filter 'sync!=current'\n  \
                        skerry get clusters -l env=production\n  skerry get events -w")]
pub struct GetArgs {
    /// What to list; also in the singular, and as KIND/NAME.
    #[arg(value_name = "KIND", value_parser = TargetParser)]
    pub target: Target,
    /// Only these.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
    /// Go on and print what changes.
    #[arg(long, short)]
    pub watch: bool,
    /// What to leave out.
    #[command(flatten)]
    pub selection: Selection,
    /// Print no heading line.
    #[arg(long)]
    pub no_headers: bool,
    /// Sort by a column of the table, such as `age`; `-` before it reverses.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub sort_by: Option<String>,
    /// Print at most so many.
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
}

/// What to leave out.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only what has these labels: `env=production,region!=eu`.
    #[arg(long = "selector", short = 'l', value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Only what this filter lets through: `contact=offline,drift>0`.
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Only on this cluster.
    #[arg(long, short = 'c', value_name = "NAME")]
    pub cluster: Option<String>,
}

/// Options of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `describe`.
#[derive(Debug, Clone, Args)]
pub struct DescribeArgs {
    /// What to show; also as KIND/NAME.
    #[arg(value_name = "KIND", value_parser = TargetParser)]
    pub target: Target,
    /// Which one.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only on this cluster.
    #[arg(long, short = 'c', value_name = "NAME")]
    pub cluster: Option<String>,
}

/// Options of `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Source, Application, ClusterGroup or Cluster.
    #[arg(value_name = "KIND")]
    pub kind: String,
}

/// Options of `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The code, as in `error[SK0412]`.
    #[arg(value_name = "CODE", required_unless_present = "all")]
    pub code: Option<String>,
    /// List every code.
    #[arg(long, conflicts_with = "code")]
    pub all: bool,
}

/// Options of `completion`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  source <(skerry completion bash)")]
pub struct CompletionArgs {
    /// Which shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Options of `version`.
#[derive(Debug, Clone, Args)]
pub struct VersionArgs {
    /// How to print.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Format,
    /// Do not ask the hub.
    #[arg(long)]
    pub client: bool,
}
