//! The agent's process: parse, install, run, map errors to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use skerry_agent::cli::{AgentCommandLine, LogFormat, execute};
use skerry_common::diagnostic::ErrorClass;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = AgentCommandLine::parse();
    skerry_certs::tls::install_provider();
    let filter = EnvFilter::try_new(&arguments.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
    // One thread: the agent waits far more than it computes, and each further one would keep memory of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ErrorClass::Retry),
    };
    match runtime.block_on(execute(arguments)) {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(failure) => fail(&failure, failure.class),
    }
}

fn fail(error: &dyn std::fmt::Display, class: ErrorClass) -> ExitCode {
    // Nothing can be done when even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::from(class.exit_code())
}
