//! One verb per file. A command gets its arguments and the output, and gives its answer.

use skerry_common::diagnostic::ErrorClass;
use tokio::runtime::Builder;

use crate::args::{Cli, Command};
use crate::errors::{Failure, Stop, Verdict, codes};
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
pub mod why;

/// Does what was asked. Only what asks a hub gets a runtime: to set one up takes longer than some
/// of the rest.
pub fn execute(cli: Cli, output: &mut Output) -> Result<Verdict, Stop> {
    let global = cli.global;
    match cli.command {
        Command::Status(args) => asking(status::run(&args, &global, output)),
        Command::Get(args) => asking(get::run(&args, &global, output)),
        Command::Describe(args) => asking(describe::run(&args, &global, output)),
        Command::Why(args) => asking(why::run(&args, &global, output)),
        Command::Wait(args) => asking(wait::run(&args, &global, output)),
        Command::Cluster(command) => asking(cluster::run(command, &global, output)),
        Command::Bundle(command) => asking(bundle::run(&command, &global, output)),
        Command::Build(args) => build::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Context(command) => context::run(&command, &global, output),
        Command::Completion(args) => completion::run(&args, output),
        Command::Version(args) => asking(version::run(&args, &global, output)),
        #[cfg(feature = "demo")]
        Command::Demo(args) => on(Builder::new_multi_thread(), demo::run(&args)),
    }
}

/// Waits for an answer. A command awaits one thing at a time: one thread is enough, and starts at
/// once.
fn asking(answer: impl Future<Output = Result<Verdict, Stop>>) -> Result<Verdict, Stop> {
    on(Builder::new_current_thread(), answer)
}

fn on(mut builder: Builder, answer: impl Future<Output = Result<Verdict, Stop>>) -> Result<Verdict, Stop> {
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| Failure::of(ErrorClass::Retry, codes::FILE, &error))?.block_on(answer)
}
