//! One verb per file. A command gets its arguments and the output, and gives its answer.

use crate::args::{Cli, Command};
use crate::errors::{Stop, Verdict};
use crate::output::Output;

pub mod build;
pub mod bundle;
pub mod cluster;
pub mod completion;
pub mod context;
#[cfg(feature = "demo")]
pub mod demo;
pub mod describe;
pub mod explain;
pub mod get;
pub mod schema;
pub mod status;
pub mod version;
pub mod wait;

/// Does what was asked.
pub async fn execute(cli: Cli, output: &mut Output) -> Result<Verdict, Stop> {
    let global = cli.global;
    match cli.command {
        Command::Status(args) => status::run(&args, &global, output).await,
        Command::Get(args) => get::run(&args, &global, output).await,
        Command::Describe(args) => describe::run(&args, &global, output).await,
        Command::Wait(args) => wait::run(&args, &global, output).await,
        Command::Cluster(command) => cluster::run(command, &global, output).await,
        Command::Bundle(command) => bundle::run(&command, &global, output).await,
        Command::Build(args) => build::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Context(command) => context::run(&command, &global, output),
        Command::Completion(args) => completion::run(&args, output),
        Command::Version(args) => version::run(&args, &global, output).await,
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(&args).await,
    }
}
