//! The operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(skerry_cli::run(std::env::args_os()))
}
