//! `skerry completion`: a script for a shell.

use crate::args::get::CompletionArgs;
use crate::errors::{Stop, Verdict};
use crate::output::Output;

/// Prints the script.
pub fn run(args: &CompletionArgs, output: &mut Output) -> Result<Verdict, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command_line(false), "skerry", &mut script);
    output.bytes(&script)?;
    Ok(Verdict::Yes)
}
