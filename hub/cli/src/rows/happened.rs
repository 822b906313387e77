//! What happened: events and drifts.

use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_hub_core::view::{DriftView, EventView, FieldView, Timestamp};

use super::fleet::object_text;
use super::{Changes, Order, Row, ago, ago_if, contact_tone, words};
use crate::output::table::{Cell, Column, Tone, column, wide};

/// What stands in a name for the cluster of an event that concerns none.
const OF_THE_HUB: &str = "-";

/// What stands for a field that is the whole object.
const WHOLE_OBJECT: &str = "(object)";

impl Row for EventView {
    const PATH: &'static str = "events";
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::NewestFirst;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        let cluster = self.cluster.as_ref().map_or(OF_THE_HUB, |cluster| cluster.as_str());
        format!("{cluster}/{}/{}", self.incarnation, self.sequence)
    }

    columns! {
        row, now;
        column "AGE" => ago(row.at, now);
        column "TYPE" => kind(row.warning);
        column "REASON" => Cell::new(&row.kind);
        column "CLUSTER" => Cell::new(row.cluster.as_ref().map_or("", |cluster| cluster.as_str()));
        column "OBJECT" => Cell::new(row.object.as_ref().map(object_text).unwrap_or_default());
        column "MESSAGE" => Cell::new(&row.message);
        wide "APPLICATION" => Cell::new(row.application.as_ref().map_or("", |application| application.as_str()));
        wide "RECEIVED" => ago(row.received_at, now);
        wide "INCARNATION" => Cell::new(row.incarnation.to_string());
        wide "SEQUENCE" => Cell::new(row.sequence.to_string());
    }
}

impl Row for DriftView {
    const PATH: &'static str = "drift";
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::NewestFirst;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.incarnation, self.sequence)
    }

    columns! {
        row, now;
        column "CLUSTER" => Cell::new(row.cluster.as_str());
        column "APPLICATION" => Cell::new(row.application.as_str());
        column "OBJECT" => Cell::new(object_text(&row.object));
        column "FIELD" => Cell::new(fields(&row.fields));
        column "CHANGE" => Cell::new(words(distinct(row.fields.iter().map(|field| change(field.kind)))));
        column "BY" => Cell::new(words(distinct(row.fields.iter().map(|field| field.manager.as_str()))));
        column "OUTCOME" => outcome(row.outcome);
        column "AGE" => ago(row.seen_at, now);
        wide "CONTACT" => Cell::new(row.contact.word()).tone(contact_tone(row.contact));
        wide "OBSERVED" => ago_if(row.observed_at, now);
        wide "CLOSED" => ago_if(row.closed_at, now);
        wide "UID" => Cell::new(&row.uid);
        wide "RESOURCEVERSION" => Cell::new(&row.resource_version);
    }
}

fn kind(warning: bool) -> Cell {
    if warning { Cell::new("Warning").tone(Tone::Wary) } else { Cell::new("Normal") }
}

fn outcome(outcome: Option<DriftOutcome>) -> Cell {
    let (word, tone) = match outcome {
        None => ("open", Tone::Bad),
        Some(DriftOutcome::Healed) => ("healed", Tone::Good),
        Some(DriftOutcome::Gone) => ("gone", Tone::Good),
        Some(DriftOutcome::Reported) => ("reported", Tone::Wary),
    };
    Cell::new(word).tone(tone)
}

/// The first field, and how many more there are.
fn fields(fields: &[FieldView]) -> String {
    let Some(first) = fields.first() else { return String::new() };
    let path = if first.path.is_empty() { WHOLE_OBJECT } else { &first.path };
    match fields.len() - 1 {
        0 => path.to_owned(),
        more => format!("{path} +{more}"),
    }
}

/// The word for a change.
pub fn change(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Changed => "changed",
        DriftKind::Removed => "removed",
        DriftKind::Added => "added",
        DriftKind::Deleted => "deleted",
    }
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> std::collections::BTreeSet<&'a str> {
    words.filter(|word| !word.is_empty()).collect()
}
