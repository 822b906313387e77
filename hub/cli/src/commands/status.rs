//! `skerry status`: the first question of the day.
//!
//! Counts per group, then only what needs a person, worst first, each with its next command. The
//! answer is no, exit code 1, when something is broken; what waits or is not known is told, but
//! breaks no script.

use skerry_hub_core::view::{Attention, FleetView, GroupView, Urgency};

use super::get::client;
use crate::args::Global;
use crate::args::get::StatusArgs;
use crate::client::ClientError;
use crate::client::Request;
use crate::errors::{Stop, Verdict};
use crate::output::table::{Cell, Headings, Shown, Table, Tone, one_line};
use crate::output::{Format, Machine, Output};
use crate::rows::Row as _;

/// Most things that need a person on one screen; `skerry status -o json` has them all.
const ATTENTION_SHOWN_MAX: usize = 20;

/// Most errors of the fleet documents on one screen.
const ERRORS_SHOWN_MAX: usize = 3;

/// Shows it.
pub async fn run(args: &StatusArgs, global: &Global, output: &mut Output) -> Result<Verdict, Stop> {
    let raw: serde_json::Value = client(global)?.get(&Request::api(&["fleet"])).await?;
    let view: FleetView = serde_json::from_value(raw.clone()).map_err(ClientError::Answer)?;
    match args.output {
        Format::Json => output.value(&raw, Machine::Json)?,
        Format::Yaml => output.value(&raw, Machine::Yaml)?,
        Format::Name => output.data(&format!("fleet/{}\n", view.fleet))?,
        Format::Table | Format::Wide => show(&view, args.output, output)?,
    }
    Ok(Verdict::of(!view.attention.iter().any(|item| item.urgency == Urgency::Broken)))
}

fn show(view: &FleetView, format: Format, output: &mut Output) -> Result<(), Stop> {
    let commit =
        view.commit.as_ref().map_or_else(|| "no commit yet".to_owned(), |commit| format!("commit {}", commit.short()));
    output.data(&format!("Fleet {}, {commit}\n\n", view.fleet))?;
    let mut groups: Vec<Vec<Cell>> = view.groups.iter().map(|group| group.cells(view.generated_at)).collect();
    groups.push(total(view));
    let width = if format == Format::Wide { Shown::Wide } else { Shown::Always };
    let table = Table::new(GroupView::COLUMNS, output.layout(Headings::Shown, width)).print(&groups);
    output.data(&table)?;
    if view.attention.is_empty() {
        let text = output.paint("Nothing needs a person.", Tone::Good);
        output.data(&format!("\n{text}\n"))?;
        return Ok(());
    }
    output.data("\n")?;
    for item in view.attention.iter().take(ATTENTION_SHOWN_MAX) {
        attention(item, output)?;
    }
    let more = view.attention.len().saturating_sub(ATTENTION_SHOWN_MAX);
    if more > 0 {
        output.data(&format!("and {more} more: skerry status -o json\n"))?;
    }
    for error in view.errors.iter().skip(1).take(ERRORS_SHOWN_MAX) {
        output.say(&error.to_string());
    }
    Ok(())
}

/// The row of all clusters, also of those that are in no group or in several.
fn total(view: &FleetView) -> Vec<Cell> {
    let Ok(name) = skerry_common::id::GroupName::parse("all") else { return Vec::new() };
    let all = GroupView { name, applications: std::collections::BTreeSet::new(), counts: view.counts };
    let mut cells = all.cells(view.generated_at);
    if let Some(first) = cells.first_mut() {
        *first = Cell::new("(all clusters)");
    }
    cells
}

fn attention(item: &Attention, output: &mut Output) -> Result<(), Stop> {
    let (word, tone) = match item.urgency {
        Urgency::Broken => ("broken ", Tone::Bad),
        Urgency::Waiting => ("waiting", Tone::Wary),
        Urgency::Unknown => ("unknown", Tone::Faint),
    };
    let word = output.paint(word, tone);
    let text = format!(
        "{word}   {}: {}\n          {}\n",
        one_line(&item.about),
        one_line(&item.message),
        one_line(&item.next)
    );
    output.data(&text)?;
    Ok(())
}
