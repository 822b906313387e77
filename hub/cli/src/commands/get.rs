//! `skerry get`: lists, one thing, or a watch of what changes.

use serde_json::Value;
use skerry_hub_core::fleet::suggest;
use skerry_hub_core::view::{
    ApplicationView, ClusterView, DriftView, EventView, GroupView, ObjectView, RevisionView, SourceView, Timestamp,
};

use crate::args::Global;
use crate::args::get::GetArgs;
use crate::args::target::{self, ResourceKind};
use crate::client::{Client, ClientError};
use crate::config;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::table::{Cell, Column, Headings, Shown, Table, one_line};
use crate::output::{Format, Machine, Output};
use crate::rows::{Changes, Row};

pub mod fetch;
pub mod query;

use fetch::{Fetched, Listing};
use query::Query;

/// What stands between two documents of a YAML watch.
const SEPARATOR: &str = "---\n";

/// Lists.
pub async fn run(args: &GetArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let client = client(global)?;
    match args.target.kind {
        ResourceKind::Clusters => list::<ClusterView>(args, &client, output).await,
        ResourceKind::Groups => list::<GroupView>(args, &client, output).await,
        ResourceKind::Apps => list::<ApplicationView>(args, &client, output).await,
        ResourceKind::Objects => list::<ObjectView>(args, &client, output).await,
        ResourceKind::Drift => list::<DriftView>(args, &client, output).await,
        ResourceKind::Events => list::<EventView>(args, &client, output).await,
        ResourceKind::Revisions => list::<RevisionView>(args, &client, output).await,
        ResourceKind::Sources => list::<SourceView>(args, &client, output).await,
    }
}

/// Prepares to ask the hub that the command line names.
pub fn client(global: &Global) -> Result<Client, Stop> {
    let endpoint = config::endpoint(global).map_err(Failure::from)?;
    Ok(Client::new(endpoint, global.request_timeout)?)
}

async fn list<T: Row>(args: &GetArgs, client: &Client, output: &mut Output) -> Result<Verdict, Stop> {
    let kind = args.target.kind;
    if args.watch && T::CHANGES == Changes::Untold {
        let failure = Failure::user(codes::REFUSED, format!("the hub does not tell of changes of {}", kind.plural()));
        return Err(failure.help("clusters, apps, drift and events can be watched").into());
    }
    let sort = args.sort_by.as_deref().map(|column| SortBy::parse(column, T::COLUMNS)).transpose()?;
    let names = target::names(&args.target, &args.names);
    let query = query::of::<T>(&args.selection, &names, kind, client).await?;
    let mut listing = fetch::list::<T>(client, &query, args.limit).await?;
    if let Some(sort) = sort {
        sort.apply(&mut listing);
    }
    let missing = missing::<T>(kind, &listing, &names);
    let width = if args.output == Format::Wide { Shown::Wide } else { Shown::Always };
    let headings = if args.no_headers { Headings::Hidden } else { Headings::Shown };
    let mut printer =
        Printer { kind, format: args.output, table: Table::new(T::COLUMNS, output.layout(headings, width)) };
    let wanted = if names.len() == 1 { Wanted::One } else { Wanted::List };
    printer.list(&listing, wanted, output)?;
    if listing.rows.is_empty() && names.is_empty() && !args.watch && args.output != Format::Json {
        output.say(&format!("no {} found", kind.plural()));
    }
    if let Some(note) = &listing.cut {
        output.say(note);
    }
    for failure in &missing {
        output.say(&failure.to_string());
    }
    if args.watch {
        return watch::<T>(client, &query, listing.position, &mut printer, output).await;
    }
    // Some of the names are not there: the caller must change something, and was told.
    if missing.is_empty() { Ok(Verdict::Yes) } else { Err(Stop::Told) }
}

/// Names that were asked for and are not there.
fn missing<T: Row>(kind: ResourceKind, listing: &Listing<T>, names: &[String]) -> Vec<Failure> {
    let found = |name: &String| listing.rows.iter().any(|row| query::is_meant(&row.row, name));
    let absent = names.iter().filter(|name| !found(name));
    absent
        .map(|name| {
            Failure::user(codes::NOT_FOUND, format!("there is no {} `{name}`", kind.singular()))
                .help(format!("`skerry get {}` lists what there is", kind.plural()))
        })
        .collect()
}

/// Prints what changes until it is stopped, or the reader goes away.
async fn watch<T: Row>(
    client: &Client,
    query: &Query,
    position: u64,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<Verdict, Stop> {
    output.flush()?;
    let mut watch = client.watch(&query.request(T::PATH), position).await?;
    loop {
        let event = watch.next().await?;
        if event.kind == "gap" {
            output.say("warning: the hub dropped some of what happened before it could be told");
            continue;
        }
        let fetched: Fetched<T> = Fetched::parse(&event.data).map_err(ClientError::Answer)?;
        printer.changed(&fetched, output)?;
        output.flush()?;
    }
}

/// Whether one thing was asked for, or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    One,
    List,
}

/// Prints rows in the format that was asked for.
struct Printer {
    kind: ResourceKind,
    format: Format,
    table: Table,
}

impl Printer {
    fn list<T: Row>(&mut self, listing: &Listing<T>, wanted: Wanted, output: &mut Output) -> Result<(), Stop> {
        let machine = match self.format {
            Format::Json => Machine::Json,
            Format::Yaml => Machine::Yaml,
            Format::Name => {
                for row in &listing.rows {
                    self.name(row, output)?;
                }
                return Ok(());
            }
            Format::Table | Format::Wide => {
                if !listing.rows.is_empty() {
                    let rows: Vec<Vec<Cell>> = listing.rows.iter().map(|row| row.row.cells(listing.now())).collect();
                    output.data(&self.table.print(&rows))?;
                }
                return Ok(());
            }
        };
        match (wanted, listing.rows.as_slice()) {
            (Wanted::One, [only]) => output.value(&only.raw, machine)?,
            (Wanted::One, []) => {}
            (Wanted::One | Wanted::List, rows) => {
                let items: Vec<&Value> = rows.iter().map(|row| &row.raw).collect();
                output.value(&serde_json::json!({ "items": items }), machine)?;
            }
        }
        Ok(())
    }

    /// One row of a watch.
    fn changed<T: Row>(&mut self, row: &Fetched<T>, output: &mut Output) -> Result<(), Stop> {
        match self.format {
            Format::Json => output.value(&row.raw, Machine::Json)?,
            Format::Yaml => {
                output.data(SEPARATOR)?;
                output.value(&row.raw, Machine::Yaml)?;
            }
            Format::Name => self.name(row, output)?,
            Format::Table | Format::Wide => {
                let now = Timestamp(crate::clock::now_unix_ms());
                output.data(&self.table.print(&[row.row.cells(now)]))?;
            }
        }
        Ok(())
    }

    fn name<T: Row>(&self, row: &Fetched<T>, output: &mut Output) -> Result<(), Stop> {
        output.data(&format!("{}/{}\n", self.kind.singular(), one_line(&row.row.name())))?;
        Ok(())
    }
}

/// `--sort-by`.
struct SortBy {
    column: usize,
    reverse: bool,
}

impl SortBy {
    fn parse(text: &str, columns: &'static [Column]) -> Result<Self, Stop> {
        let (name, reverse) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let column = columns.iter().position(|column| column.heading.eq_ignore_ascii_case(name));
        column.map(|column| Self { column, reverse }).ok_or_else(|| {
            let known: Vec<String> = columns.iter().map(|column| column.heading.to_ascii_lowercase()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let help = suggest::help(&name.to_ascii_lowercase(), &known);
            Failure::user(codes::SELECTOR, format!("there is no column `{name}`")).help(help).into()
        })
    }

    /// Sorts rows by what their cells say; equal ones stay in order.
    fn apply<T: Row>(&self, listing: &mut Listing<T>) {
        let now = listing.now();
        listing.rows.sort_by_cached_key(|row| {
            row.row.cells(now).into_iter().nth(self.column).map(crate::output::table::Sorted)
        });
        if self.reverse {
            listing.rows.reverse();
        }
    }
}
