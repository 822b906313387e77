//! The references in `docs`, as Markdown: the command line from its definition, the errors from their tables.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

/// Writes all of `docs/cli.md`.
pub fn markdown() -> String {
    let mut command = crate::command_line(false);
    command.build();
    let mut text = String::from(
        "# `skerry`: the command line\n\nMade by `cargo run -p skerry --example reference > docs/cli.md`; a test fails \
         when it is stale.\n\n",
    );
    let _ = writeln!(text, "{}\n", about(&command));
    if let Some(help) = command.get_after_help() {
        let _ = writeln!(text, "{help}\n");
    }
    let _ = writeln!(text, "Called as `kubectl-skerry`, it is a plug-in of kubectl: `kubectl skerry get clusters`.\n");
    let _ = writeln!(text, "## Global options\n\nEvery command takes them.\n");
    options(&command, Which::Global, &mut text);
    for sub in commands(&command) {
        section(sub, "skerry", &mut text);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Writes all of `docs/errors.md`.
pub fn errors() -> String {
    let mut text = String::from(
        "# Errors by code\n\nMade by `cargo run -p skerry --example reference errors > docs/errors.md`; a test fails when \
         it is stale. `skerry explain SK0412` says the same without a network.\n",
    );
    let mut entries: Vec<_> = crate::errors::codes::lists().into_iter().flatten().collect();
    entries.sort();
    for (number, title, explanation) in entries {
        let _ = write!(text, "\n## SK{number:04}: {title}\n\n{explanation}\n");
    }
    text
}

/// Which options are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Global,
    Own,
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set())
}

fn section(command: &Command, parent: &str, text: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let _ = writeln!(text, "## `{name}`\n\n{}\n", about(command));
    if command.has_subcommands() {
        for sub in commands(command) {
            section(sub, &name, text);
        }
        return;
    }
    let _ = writeln!(text, "```text\n{}\n```\n", usage(command, &name));
    options(command, Which::Own, text);
    if let Some(help) = command.get_after_help() {
        let _ = writeln!(text, "```text\n{help}\n```\n");
    }
}

fn usage(command: &Command, name: &str) -> String {
    let positional = command.get_positionals().map(|argument| {
        let value = value_names(argument);
        let many = if matches!(argument.get_action(), ArgAction::Append) { "..." } else { "" };
        if argument.is_required_set() { format!(" {value}{many}") } else { format!(" [{value}{many}]") }
    });
    let positional: String = positional.collect();
    format!("{name} [OPTIONS]{positional}")
}

fn options(command: &Command, which: Which, text: &mut String) {
    let shown = |argument: &&Arg| {
        let is_global = argument.is_global_set();
        !argument.is_hide_set() && argument.get_id() != "help" && is_global == (which == Which::Global)
    };
    let mut rows = command.get_arguments().filter(shown).peekable();
    if rows.peek().is_none() {
        return;
    }
    text.push_str("| option | meaning |\n|---|---|\n");
    for argument in rows {
        let _ = writeln!(text, "| {} | {} |", cell(&spelling(argument)), cell(&meaning(argument)));
    }
    text.push('\n');
}

fn spelling(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value =
        if takes_value && !argument.is_positional() { format!(" {}", value_names(argument)) } else { String::new() };
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("`-{short}`, `--{long}{value}`"),
        (None, Some(long)) => format!("`--{long}{value}`"),
        (Some(short), None) => format!("`-{short}{value}`"),
        (None, None) => format!("`{}`", value_names(argument)),
    }
}

fn value_names(argument: &Arg) -> String {
    match argument.get_value_names() {
        Some(names) => names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" "),
        None => argument.get_id().as_str().to_uppercase(),
    }
}

fn meaning(argument: &Arg) -> String {
    let mut parts = vec![argument.get_help().map(StyledStr::to_string).unwrap_or_default()];
    let values = if argument.get_action().takes_values() { argument.get_possible_values() } else { Vec::new() };
    if !values.is_empty() {
        let names: Vec<String> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        parts.push(format!("One of {}.", names.join(", ")));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        parts.push(format!("Default: `{}`.", defaults.join(",")));
    }
    if let Some(name) = argument.get_env() {
        parts.push(format!("Environment: `{}`.", name.to_string_lossy()));
    }
    parts.iter().map(|part| sentence(part)).collect::<Vec<_>>().join(" ")
}

/// clap cuts the full stop of a help text's only sentence.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn about(command: &Command) -> String {
    let text = command.get_long_about().or(command.get_about()).map(StyledStr::to_string).unwrap_or_default();
    sentence(&text)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
