//! The hub's process: parse, install, run, map errors to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use skerry_common::bug::guard;
use skerry_hub::command_line::{Failure, HubCommandLine, LogFormat, codes, execute};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

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
    match arguments.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::system(&error)),
    };
    let command = async {
        let stop = stop_on_signals().map_err(|error| Failure::system(&error))?;
        execute(arguments.command, stop).await
    };
    match runtime.block_on(command) {
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

fn stop_on_signals() -> Result<CancellationToken, std::io::Error> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
