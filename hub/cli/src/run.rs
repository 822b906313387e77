//! From arguments to an exit code.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};
use skerry_common::bug::guard;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::redact::escape_controls;

use crate::args::Cli;
use crate::commands;
use crate::errors::{self, codes};
use crate::output::Output;

/// How the program is called as a plug-in of kubectl.
const PLUGIN: &str = "kubectl-skerry";

/// Runs one command; returns the process exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Nothing can be done when even stderr is gone.
    let tell = |text: &str| drop(std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes()));
    guard("skerry", tell, || dispatch(arguments))
}

fn dispatch(arguments: Vec<OsString>) -> u8 {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return tell_usage(&error),
    };
    let mut output = Output::process(cli.global.color);
    let result = commands::execute(cli, &mut output);
    let flushed = output.flush().map_err(errors::Stop::from);
    match result.and_then(|verdict| flushed.map(|()| verdict)) {
        Ok(verdict) => verdict.exit_code(),
        Err(stop) => errors::tell(&stop, &mut output),
    }
}

/// Help and versions are data; what is wrong with the arguments is told like any error.
fn tell_usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return 0;
    }
    let text = codes::USAGE.in_usage(&error.render().to_string());
    Output::process(crate::output::ColorChoice::Never).say(escape_controls(text.trim_end()).as_ref());
    ErrorClass::NeedsUser.exit_code()
}

fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let name = arguments.first().map(|name| std::path::Path::new(name).file_name().unwrap_or_default());
    let plugin = name.is_some_and(|name| name.to_string_lossy().trim_end_matches(".exe") == PLUGIN);
    let mut matches = command_line(plugin).try_get_matches_from(arguments)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// The definition of the command line, for parsing, completion and the reference.
///
/// As a plug-in, help and errors speak of `kubectl skerry`.
pub fn command_line(plugin: bool) -> clap::Command {
    let command = Cli::command();
    if plugin { command.bin_name("kubectl skerry").display_name("kubectl skerry") } else { command }
}
