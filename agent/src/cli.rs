//! The program `skerry-agent`: its command line and what each command does.
//!
//! ```text
//! run ─────────┬─▶ joins when a token is given, then reconciles until it is told to stop
//! join         │   a token over the network, or two files
//! import FILE ─┴─▶ hands an archive to the agent that runs, or takes its place for a moment
//! status · diff · drift · check · version
//! ```
//! One process at a time works on a state folder: [`place`] holds it by an advisory lock, which the
//! kernel gives back when the process ends in any way. stdout is data, stderr is talk.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use skerry_certs::tls::WallClock;
use skerry_common::bundle::digest::Digest;

mod differences;
mod failure;
mod import;
mod inbox;
mod join;
mod place;
mod run;
mod status;
mod told;

pub use failure::{Failure, codes};
pub use place::{Place, PlaceError};
pub(crate) use run::access;
pub use told::Verdict;
pub(crate) use told::data;

/// Keeps one Kubernetes cluster as its fleet's bundle says, with or without a hub.
#[derive(Debug, Parser)]
#[command(name = "skerry-agent", version, disable_help_subcommand = true)]
pub struct AgentCommandLine {
    /// Folder of keys, certificate and store.
    #[arg(long, global = true, env = "SKERRY_STATE_FOLDER", default_value = "/var/lib/skerry-agent")]
    pub state_folder: PathBuf,
    /// What is logged: a level, or `target=level,…`.
    #[arg(long, global = true, env = "SKERRY_LOG", default_value = "info")]
    pub log: String,
    /// How it is logged (to stderr).
    #[arg(long, global = true, env = "SKERRY_LOG_FORMAT", value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// The command.
    #[command(subcommand)]
    pub command: AgentCommand,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What the program can be told to do.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Run until SIGTERM or SIGINT; join first when a token is given and it has not joined.
    Run(RunArgs),
    /// Join a fleet: with a token, or offline with two files.
    Join(JoinArgs),
    /// Take a bundle from an archive; works whether or not the agent runs.
    Import {
        /// The archive, as `skerry bundle export` writes it.
        file: PathBuf,
    },
    /// Show what is in force here; works whether or not the agent runs.
    Status {
        /// How it is shown.
        #[arg(short, long, value_enum, default_value = "human")]
        output: StatusFormat,
    },
    /// Show what the running agent would do, or refuses to do, and why; exit code 1 when there is anything.
    Diff {
        /// How it is shown.
        #[arg(short, long, value_enum, default_value = "human")]
        output: StatusFormat,
    },
    /// Show the drifts that no hub has taken yet; exit code 1 while one is open. Works whether or not the agent runs.
    Drift {
        /// How it is shown.
        #[arg(short, long, value_enum, default_value = "human")]
        output: StatusFormat,
    },
    /// Look for what would keep the agent from working, and say what to do about it.
    Check(CheckArgs),
    /// Print the version.
    Version,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The cluster to keep.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Join with this token first, unless joined already.
    #[arg(long, env = "SKERRY_JOIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Namespaces to watch, separated by commas; none: the whole cluster.
    #[arg(long, env = "SKERRY_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// The namespace that the agent itself lives in; bundles cannot change it.
    #[arg(long, env = "SKERRY_OWN_NAMESPACE", default_value = "")]
    pub own_namespace: String,
    /// Never look for a hub; bundles come by `import` only.
    #[arg(long, env = "SKERRY_OFFLINE")]
    pub offline: bool,
    /// Where health, metrics and status are served, or `off`.
    #[arg(long, env = "SKERRY_ADMIN", default_value = "127.0.0.1:9440", value_name = "ADDRESS")]
    pub admin: AdminAddress,
}

/// How the API server is found.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// A kubeconfig file; without it, the service account of the pod is used.
    #[arg(long, env = "SKERRY_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The service account's token; `ca.crt` lies beside it.
    #[arg(long, value_name = "FILE", default_value = "/var/run/secrets/kubernetes.io/serviceaccount/token")]
    pub token_file: PathBuf,
    /// Host of the API server; Kubernetes sets it in pods.
    #[arg(long, hide = true, env = "KUBERNETES_SERVICE_HOST")]
    pub kubernetes_host: Option<String>,
    /// Port of the API server; Kubernetes sets it in pods.
    #[arg(long, hide = true, env = "KUBERNETES_SERVICE_PORT", default_value = "443")]
    pub kubernetes_port: u16,
}

/// Arguments of `join`.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The token that `skerry cluster register` printed.
    #[arg(
        long,
        env = "SKERRY_JOIN_TOKEN",
        hide_env_values = true,
        conflicts_with = "offline",
        required_unless_present = "offline"
    )]
    pub token: Option<String>,
    /// Join without a network, with `--request` first and `--reply` when the answer is here.
    #[arg(long, requires = "file")]
    pub offline: bool,
    /// Write the request here.
    #[arg(long, value_name = "FILE", requires = "offline", group = "file")]
    pub request: Option<PathBuf>,
    /// Take the reply from here.
    #[arg(long, value_name = "FILE", requires = "offline", group = "file")]
    pub reply: Option<PathBuf>,
    /// Refuse a reply whose trust root is not this one.
    #[arg(long, value_name = "DIGEST", requires = "reply")]
    pub pin: Option<Digest>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The cluster to keep.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Check the hubs of this token; without it, those of the trust root when joined.
    #[arg(long, env = "SKERRY_JOIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Namespaces that would be watched, separated by commas; none: the whole cluster.
    #[arg(long, env = "SKERRY_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// The namespace that the agent itself would live in.
    #[arg(long, env = "SKERRY_OWN_NAMESPACE", default_value = "")]
    pub own_namespace: String,
    /// There is no hub to be checked.
    #[arg(long, env = "SKERRY_OFFLINE")]
    pub offline: bool,
}

/// Where the admin server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAddress {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
}

impl std::str::FromStr for AdminAddress {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

/// How `status` is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people.
    Human,
    /// JSON.
    Json,
}

/// The machine's clock.
pub(crate) fn system_clock() -> WallClock {
    WallClock::new(time::OffsetDateTime::now_utc)
}

/// Runs one command.
pub async fn execute(line: AgentCommandLine) -> Result<Verdict, Failure> {
    let state = line.state_folder;
    match line.command {
        AgentCommand::Run(args) => run::run(&state, args).await,
        AgentCommand::Join(args) => join::join(&state, args).await,
        AgentCommand::Import { file } => import::import(&state, &file).await,
        AgentCommand::Status { output } => status::status(&state, output).await,
        AgentCommand::Diff { output } => differences::diff(&state, output).await,
        AgentCommand::Drift { output } => differences::drift(&state, output).await,
        AgentCommand::Check(args) => crate::check::check(&state, args).await,
        AgentCommand::Version => data(&format!("skerry-agent {}", crate::transport::quic::PROGRAM_VERSION)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        AgentCommandLine::command().debug_assert();
        let off = AgentCommandLine::try_parse_from(["skerry-agent", "run", "--admin", "off"]).expect("parses");
        let AgentCommand::Run(args) = off.command else { panic!("not run") };
        assert_eq!(args.admin, AdminAddress::Off);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            &["join"][..],
            &["join", "--offline"],
            &["join", "--offline", "--request", "a", "--reply", "b"],
            &["join", "--token", "t", "--offline", "--request", "a"],
            &["run", "--admin", "here"],
        ] {
            let arguments = ["skerry-agent"].into_iter().chain(line.iter().copied());
            assert!(AgentCommandLine::try_parse_from(arguments).is_err(), "{line:?}");
        }
    }
}
