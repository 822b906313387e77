//! The agent's process: parse, install, run, map errors to an exit code.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use skerry_agent::cli::{AgentCommandLine, Failure, LogFormat, codes, execute};
use skerry_common::bug::guard;
use skerry_common::diagnostic::ErrorClass;
use tracing_subscriber::EnvFilter;

/// How long threads may go on when everything has ended, such as one that waits for a name server.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    ExitCode::from(guard("skerry-agent", tell, run))
}

fn run() -> u8 {
    let arguments = match AgentCommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    skerry_certs::tls::install_provider();
    let filter = match EnvFilter::try_new(&arguments.log) {
        Ok(filter) => filter,
        Err(error) => return fail(&Failure::user(codes::USAGE, &error).about("`--log`"), ErrorClass::NeedsUser),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() { log } else { log.with_ansi(false) };
    match arguments.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
    // One thread: the agent waits far more than it computes, and each further one would keep memory of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ErrorClass::Retry),
    };
    let ended = runtime.block_on(execute(arguments));
    runtime.shutdown_timeout(THREADS_TIMEOUT);
    match ended {
        Ok(verdict) => verdict.exit_code(),
        Err(failure) => fail(&failure, failure.class),
    }
}

/// Help and versions are data; what is wrong with the arguments is told like any error.
fn usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return 0;
    }
    let _ = write!(std::io::stderr(), "{}", codes::USAGE.in_usage(&error.render().to_string()));
    ErrorClass::NeedsUser.exit_code()
}

fn fail(error: &dyn std::fmt::Display, class: ErrorClass) -> u8 {
    tell(&error.to_string());
    class.exit_code()
}

fn tell(text: &str) {
    // Nothing can be done when even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}
