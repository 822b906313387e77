//! Groups, applications and sources.

use skerry_hub_core::view::{ApplicationView, ClusterView, GroupView, SourceView};

use super::{Block, Query, indent, only, section};
use crate::args::target::ResourceKind;
use crate::client::{Client, Request};
use crate::errors::Stop;
use crate::output::Output;
use crate::output::table::{Cell, Column, Headings, Shown, Table, column};
use crate::rows::{contact_tone, health_tone, sync_tone};

/// An application on one cluster after the other.
const CLUSTERS: &[Column] = &[
    column("CLUSTER"),
    column("CONTACT"),
    column("SYNC"),
    column("HEALTH"),
    column("OBJECTS"),
    column("DRIFT"),
    column("OBSERVED"),
    column("REASON"),
];

pub(super) async fn group(name: &str, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let found = only::<GroupView>(ResourceKind::Groups, name, client).await?;
    let mut block = Block::default();
    block.json(&found.raw);
    output.data(&block.finish())?;
    section::<ClusterView>("Members", &Query::all().only("group", name), client, output).await
}

pub(super) async fn application(name: &str, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let view: ApplicationView = client.get(&Request::api(&["applications", name])).await?;
    let mut block = Block::default();
    block.line("Name", view.name.as_str());
    block.line("Sources", view.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    block.line("Clusters", view.clusters.to_string());
    block.line("Drift", view.drift.to_string());
    output.data(&block.finish())?;
    let rows: Vec<Vec<Cell>> = view
        .on
        .iter()
        .map(|row| {
            vec![
                Cell::new(row.cluster.as_str()),
                Cell::new(row.contact.word()).tone(contact_tone(row.contact)),
                Cell::new(row.sync.word()).tone(sync_tone(row.sync)),
                Cell::new(row.health.word()).tone(health_tone(row.health)),
                Cell::number(row.objects.total()),
                Cell::number(row.drift),
                Cell::new(crate::output::age::human(std::time::Duration::from_secs(row.age_seconds))),
                Cell::new(&row.reason),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let table = Table::new(CLUSTERS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
        output.data(&format!("On:\n{}", indent(&table)))?;
    }
    Ok(())
}

pub(super) async fn source(name: &str, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let found = only::<SourceView>(ResourceKind::Sources, name, client).await?;
    let mut block = Block::default();
    block.json(&found.raw);
    output.data(&block.finish())?;
    Ok(())
}
