//! `skerry describe`: one thing with everything that is known of it.

use skerry_hub_core::view::{DriftView, EventView, ObjectView, RevisionView};

use super::get::client;
use super::get::fetch::{self, Fetched};
use super::get::query::{self, Query};
use crate::args::Global;
use crate::args::get::{DescribeArgs, Selection};
use crate::args::target::ResourceKind;
use crate::client::Client;
use crate::errors::{Failure, Stop, Verdict, codes};
use crate::output::Output;
use crate::output::table::{Headings, Shown, Table};
use crate::rows::Row;

mod block;
mod cluster;
mod fleet;

pub(super) use block::Block;

/// Most rows of a table inside a description; `skerry get` has them all.
const ROWS_SHOWN_MAX: usize = 20;

/// Describes it.
pub async fn run(args: &DescribeArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let kind = args.target.kind;
    let Some(name) = args.target.name.as_ref().or(args.name.as_ref()) else {
        let failure = Failure::user(codes::NOT_FOUND, format!("which {}?", kind.singular()));
        return Err(failure.help(format!("`skerry describe {} NAME`", kind.singular())).into());
    };
    let client = client(global)?;
    match kind {
        ResourceKind::Clusters => cluster::describe(name, &client, output).await?,
        ResourceKind::Groups => fleet::group(name, &client, output).await?,
        ResourceKind::Apps => fleet::application(name, &client, output).await?,
        ResourceKind::Sources => fleet::source(name, &client, output).await?,
        ResourceKind::Objects => plain::<ObjectView>(args, name, &client, output).await?,
        ResourceKind::Drift => plain::<DriftView>(args, name, &client, output).await?,
        ResourceKind::Events => plain::<EventView>(args, name, &client, output).await?,
        ResourceKind::Revisions => plain::<RevisionView>(args, name, &client, output).await?,
    }
    Ok(Verdict::Yes)
}

/// Everything that the hub says of things that need no more than that.
async fn plain<T: Row>(args: &DescribeArgs, name: &str, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let selection = Selection { cluster: args.cluster.clone(), ..Selection::default() };
    let query = query::of::<T>(&selection, &[name.to_owned()], args.target.kind, client).await?;
    let listing = fetch::list::<T>(client, &query, None).await?;
    if listing.rows.is_empty() {
        return Err(unknown(args.target.kind, name));
    }
    for (index, row) in listing.rows.iter().enumerate() {
        let mut block = Block::default();
        block.json(&row.raw);
        output.data(if index > 0 { "\n" } else { "" })?;
        output.data(&block.finish())?;
    }
    Ok(())
}

fn unknown(kind: ResourceKind, name: &str) -> Stop {
    let failure = Failure::user(codes::NOT_FOUND, format!("there is no {} `{name}`", kind.singular()));
    failure.help(format!("`skerry get {}` lists what there is", kind.plural())).into()
}

/// The one thing of a name in a list.
async fn only<T: Row>(kind: ResourceKind, name: &str, client: &Client) -> Result<Fetched<T>, Stop> {
    let listing = fetch::list::<T>(client, &Query::all().only(T::NAME_FIELD, name), None).await?;
    listing.rows.into_iter().next().ok_or_else(|| unknown(kind, name))
}

/// The newest rows of a list, as a table under a heading; nothing when there are none.
async fn section<T: Row>(title: &str, query: &Query, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let listing = fetch::list::<T>(client, query, Some(ROWS_SHOWN_MAX)).await?;
    if listing.rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = listing.rows.iter().map(|row| row.row.cells(listing.now())).collect();
    let table = Table::new(T::COLUMNS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
    output.data(&format!("{title}:\n{}", indent(&table)))?;
    Ok(())
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
