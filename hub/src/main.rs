//! The hub's process: parse, install, run, map errors to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use skerry_hub::command_line::{HubCommandLine, LogFormat, execute, tell};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = HubCommandLine::parse();
    skerry_certs::tls::install_provider();
    let filter = EnvFilter::try_new(&arguments.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(async { execute(arguments.command, stop_on_signals()?).await }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &skerry_hub::command_line::CommandError) -> ExitCode {
    // Nothing can be done when even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{}", tell(error));
    ExitCode::from(2)
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
