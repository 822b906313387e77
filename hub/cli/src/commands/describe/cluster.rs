//! One cluster: its axes with their ages, what is wrong, its applications, and what happened lately.

use skerry_common::report::Condition;
use skerry_hub_core::view::{ApplicationView, BundleView, ClusterView, DriftView, EventView, HeldPruneView, Timestamp};

use super::{Block, Query, fetch, indent, section};
use crate::client::{Client, Request};
use crate::errors::Stop;
use crate::output::Output;
use crate::output::age;
use crate::output::table::{Cell, Column, Headings, Shown, Table, column};
use crate::rows::{health_tone, sync_tone};

/// An application on this cluster.
const APPLICATIONS: &[Column] = &[
    column("NAME"),
    column("SYNC"),
    column("HEALTH"),
    column("OBJECTS"),
    column("DRIFT"),
    column("OBSERVED"),
    column("REASON"),
];

pub(super) async fn describe(name: &str, client: &Client, output: &mut Output) -> Result<(), Stop> {
    let view: ClusterView = client.get(&Request::api(&["clusters", name])).await?;
    let on_it = Query::all().only("cluster", name);
    let applications = fetch::list::<ApplicationView>(client, &on_it, None).await?;
    let now = applications.now();
    output.data(&text(&view, now))?;
    let rows: Vec<Vec<Cell>> = applications
        .rows
        .iter()
        .flat_map(|row| &row.row.on)
        .filter(|row| row.cluster == view.name)
        .map(|row| {
            vec![
                Cell::new(row.application.as_str()),
                Cell::new(row.sync.word()).tone(sync_tone(row.sync)),
                Cell::new(row.health.word()).tone(health_tone(row.health)),
                Cell::number(row.objects.total()),
                Cell::number(row.drift),
                Cell::new(age::since(row.observed_at.0, now.0)),
                Cell::new(&row.reason),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let table = Table::new(APPLICATIONS, output.layout(Headings::Shown, Shown::Always)).print(&rows);
        output.data(&format!("Applications:\n{}", indent(&table)))?;
    }
    section::<DriftView>("Open drift", &Query::all().only("cluster", name).only("outcome", "open"), client, output)
        .await?;
    section::<EventView>("Events", &on_it, client, output).await
}

fn text(view: &ClusterView, now: Timestamp) -> String {
    let ago =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!("{at} ({} ago)", age::since(at.0, now.0)));
    let since = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(", {} ago", age::since(at.0, now.0)));
    let mut block = Block::default();
    block.line("Name", view.name.as_str());
    block.line("Id", view.id.as_str());
    block.line("Labels", pairs(view));
    block.line("Groups", view.groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    block.line("Contact", format!("{}{}", view.contact, since(view.last_heard_at)));
    let believed = if view.is_known() { "" } else { " when last heard of; counted as unknown" };
    block.line("Sync", format!("{}{believed}", view.sync));
    block.line_if("Reason", &view.reason);
    block.line("Health", format!("{}{believed}", view.health));
    let counts = view.objects;
    block.line(
        "Objects",
        format!(
            "{}: {} healthy, {} progressing, {} degraded, {} suspended, {} unknown",
            counts.total(),
            counts.healthy,
            counts.progressing,
            counts.degraded,
            counts.suspended,
            counts.unknown,
        ),
    );
    block.line("Drift", view.drift.to_string());
    block.line("Target", bundle(view.target));
    block.line("Applied", bundle(view.applied));
    block.list(
        "Made of",
        view.sources.iter().map(|source| format!("{} {} {}", source.name, source.reference, source.commit)),
    );
    block.line("Observed", ago(view.observed_at));
    block.line("Received", ago(view.received_at));
    block.line("Registered", ago(Some(view.registered_at)));
    block.line("Agent", &view.agent_version);
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    block.line_if("Wire version", number(view.wire_version.map(u64::from)));
    block.line_if("Bundle schema", number(view.bundle_schema.map(u64::from)));
    block.line_if("Trust root", number(view.trust_version));
    block.line_if("Kubernetes", &view.kubernetes_version);
    block.line_if("Platform", &view.platform);
    block.list("Errors", view.errors.iter().map(ToString::to_string));
    block.line_if("Refused", view.refused.as_deref().unwrap_or_default());
    block.list("Held deletions", view.held_prunes.iter().map(|held| held_prune(view, held)));
    block.list("Conditions", view.conditions.iter().map(condition));
    block.finish()
}

fn pairs(view: &ClusterView) -> String {
    view.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

fn bundle(bundle: Option<BundleView>) -> String {
    match bundle {
        None => String::new(),
        Some(BundleView { epoch: 0 | 1, generation, root }) => format!("generation {generation} ({})", root.short()),
        Some(BundleView { epoch, generation, root }) => {
            format!("epoch {epoch}, generation {generation} ({})", root.short())
        }
    }
}

fn held_prune(view: &ClusterView, held: &HeldPruneView) -> String {
    let examples = held.examples.join(", ");
    format!(
        "{}: {} objects: {} ({examples})\nnext: skerry cluster confirm-prune {} --list {}",
        held.application, held.objects, held.reason, view.name, held.list,
    )
}

fn condition(condition: &Condition) -> String {
    format!("{}: {} ({})", condition.kind, condition.message, condition.reason)
}
