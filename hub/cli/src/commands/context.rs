//! `skerry context`: which hubs there are, and which one is asked.

use serde::Serialize;

use crate::args::Global;
use crate::args::context::{AddArgs, ContextCommand, ListArgs};
use crate::config::file::{ConfigError, ConfigFile, Context};
use crate::config::{self, EndpointError};
use crate::errors::{Failure, Stop, Verdict};
use crate::output::table::{Cell, Column, Headings, Shown, Table, Tone, column};
use crate::output::{Format, Machine, Output};

const COLUMNS: &[Column] = &[column("CURRENT"), column("NAME"), column("SERVER")];

/// A context without its token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextLine<'a> {
    name: &'a str,
    server: &'a str,
    current: bool,
}

/// Does it.
pub fn run(command: &ContextCommand, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    match command {
        ContextCommand::List(args) => list(args, global, output),
        ContextCommand::Use(args) => {
            let mut config = load(global)?;
            find(&config, &args.name)?;
            config.current_context = Some(args.name.clone());
            save(&config, global)?;
            output.say(&format!("context `{}` is the current one now", args.name));
            Ok(Verdict::Yes)
        }
        ContextCommand::Add(args) => add(args, global, output),
        ContextCommand::Remove(args) => {
            let mut config = load(global)?;
            find(&config, &args.name)?;
            config.contexts.retain(|context| context.name != args.name);
            config.current_context = config.current_context.filter(|name| *name != args.name);
            save(&config, global)?;
            output.say(&format!("context `{}` is removed; its token stays valid until it is withdrawn", args.name));
            Ok(Verdict::Yes)
        }
    }
}

fn load(global: &Global) -> Result<ConfigFile, Stop> {
    config::load(global).map_err(|error| Failure::from(error).into())
}

fn save(config: &ConfigFile, global: &Global) -> Result<(), Stop> {
    let written = config.write(&config::path(global));
    written.map_err(|error: ConfigError| Failure::from(EndpointError::Config(error)).into())
}

fn find(config: &ConfigFile, name: &str) -> Result<(), Stop> {
    if config.contexts.iter().any(|context| context.name == name) {
        return Ok(());
    }
    let known = config.contexts.iter().map(|context| context.name.clone()).collect();
    Err(Failure::from(EndpointError::UnknownContext { name: name.to_owned(), known }).into())
}

fn list(args: &ListArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let config = load(global)?;
    let current = |context: &Context| config.current_context.as_ref() == Some(&context.name);
    let lines: Vec<ContextLine<'_>> = config
        .contexts
        .iter()
        .map(|context| ContextLine { name: &context.name, server: &context.server, current: current(context) })
        .collect();
    match args.output {
        Format::Json => output.value(&lines, Machine::Json)?,
        Format::Yaml => output.value(&lines, Machine::Yaml)?,
        Format::Name => {
            for line in &lines {
                output.data(&format!("{}\n", line.name))?;
            }
        }
        Format::Table | Format::Wide if lines.is_empty() => {
            output.say(
                "there is no context yet: run `skerry context add NAME --server URL --ca-file FILE --token-file FILE`",
            );
        }
        Format::Table | Format::Wide => {
            let mark = |current| if current { Cell::new("*").tone(Tone::Good) } else { Cell::new(" ") };
            let row = |line: &ContextLine<'_>| vec![mark(line.current), Cell::new(line.name), Cell::new(line.server)];
            let rows: Vec<Vec<Cell>> = lines.iter().map(row).collect();
            let text = Table::new(COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
            output.data(&text)?;
        }
    }
    Ok(Verdict::Yes)
}

fn add(args: &AddArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let context = context_of(&args.name, global).map_err(Failure::from)?;
    // A certificate that cannot be read is told now, not at the first request.
    if let Err(error) = skerry_certs::tls::api_client_config(&context.authority) {
        let class = skerry_common::diagnostic::ErrorClass::NeedsUser;
        return Err(Failure::of(class, crate::errors::codes::FILE, &error)
            .help("give the CA certificate as PEM")
            .into());
    }
    let mut config = load(global)?;
    let server = context.server.clone();
    let known = config.contexts.iter().position(|known| known.name == args.name);
    match known.and_then(|index| config.contexts.get_mut(index)) {
        Some(place) => *place = context,
        None => config.contexts.push(context),
    }
    config.contexts.sort_by(|a, b| a.name.cmp(&b.name));
    if !args.keep_current || config.current_context.is_none() {
        config.current_context = Some(args.name.clone());
    }
    save(&config, global)?;
    let verb = if known.is_some() { "changed" } else { "added" };
    output.say(&format!("context `{}` for {server} is {verb}; try `skerry status`", args.name));
    Ok(Verdict::Yes)
}

fn context_of(name: &str, global: &Global) -> Result<Context, EndpointError> {
    let server = config::address(global.server.as_deref().ok_or(EndpointError::NoServer)?)?;
    let Some(token) = config::token(global)? else { return Err(EndpointError::NoToken { server }) };
    let Some(file) = &global.ca_file else { return Err(EndpointError::NoAuthority { server }) };
    Ok(Context { name: name.to_owned(), server, authority: config::small_file(file)?, token: token.expose().clone() })
}
