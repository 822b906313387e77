//! The hub's process: parse, install, run, map errors to an exit code.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use skerry_common::bug::guard;
use skerry_hub::command_line::{Failure, HubCommandLine, LogFormat, codes, execute};
use tracing_subscriber::EnvFilter;

/// How long threads may go on when everything has ended: what waits for a Git server is as good as killed, which the
/// cache of Git survives.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    ExitCode::from(guard("skerry-hub", tell, run))
}

fn run() -> u8 {
    let arguments = match HubCommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    skerry_certs::tls::install_provider();
    let filter = match EnvFilter::try_new(&arguments.log) {
        Ok(filter) => filter,
        Err(error) => return fail(&Failure::usage(format!("`--log`: {error}"))),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() { log } else { log.with_ansi(false) };
    match arguments.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::system(&error)),
    };
    let ended = runtime.block_on(execute(arguments.command));
    runtime.shutdown_timeout(THREADS_TIMEOUT);
    match ended {
        Ok(()) => 0,
        Err(error) => fail(&error),
    }
}

fn fail(failure: &Failure) -> u8 {
    tell(&failure.to_string());
    failure.exit_code()
}

fn tell(text: &str) {
    // Nothing can be done when even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Help and versions are data; what is wrong with the arguments is told like any error.
fn usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return 0;
    }
    let _ = write!(std::io::stderr(), "{}", codes::USAGE.in_usage(&error.render().to_string()));
    2
}
