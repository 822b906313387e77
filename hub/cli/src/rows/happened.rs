//! What happened: events and drifts.

use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_hub_core::view::{DriftView, EventView, FieldView, Timestamp};

use super::fleet::object_text;
use super::{Changes, Order, Row, ago, ago_if, words};
use crate::output::table::{Cell, Column, Tone, column, wide};

/// What stands for a field that is the whole object.
const WHOLE_OBJECT: &str = "(object)";

impl Row for EventView {
    const PATH: &'static str = "events";
    const COLUMNS: &'static [Column] = &[
        column("AGE"),
        column("TYPE"),
        column("REASON"),
        column("CLUSTER"),
        column("OBJECT"),
        column("MESSAGE"),
        wide("APPLICATION"),
        wide("RECEIVED"),
        wide("INCARNATION"),
        wide("SEQUENCE"),
    ];
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::NewestFirst;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.incarnation, self.sequence)
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let kind = if self.warning { Cell::new("Warning").tone(Tone::Wary) } else { Cell::new("Normal") };
        vec![
            ago(self.at, now),
            kind,
            Cell::new(&self.kind),
            Cell::new(self.cluster.as_str()),
            Cell::new(self.object.as_ref().map(object_text).unwrap_or_default()),
            Cell::new(&self.message),
            Cell::new(self.application.as_ref().map_or("", |application| application.as_str())),
            ago(self.received_at, now),
            Cell::new(self.incarnation.to_string()),
            Cell::new(self.sequence.to_string()),
        ]
    }
}

impl Row for DriftView {
    const PATH: &'static str = "drift";
    const COLUMNS: &'static [Column] = &[
        column("CLUSTER"),
        column("APPLICATION"),
        column("OBJECT"),
        column("FIELD"),
        column("CHANGE"),
        column("BY"),
        column("OUTCOME"),
        column("AGE"),
        wide("CLOSED"),
        wide("UID"),
        wide("RESOURCEVERSION"),
    ];
    const CHANGES: Changes = Changes::Told;
    const ORDER: Order = Order::NewestFirst;
    const NAME_FIELD: &'static str = "object";

    fn name(&self) -> String {
        format!("{}/{}/{}", self.cluster, self.incarnation, self.sequence)
    }

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let (outcome, tone) = match self.outcome {
            None => ("open", Tone::Bad),
            Some(DriftOutcome::Healed) => ("healed", Tone::Good),
            Some(DriftOutcome::Gone) => ("gone", Tone::Good),
            Some(DriftOutcome::Reported) => ("reported", Tone::Wary),
        };
        vec![
            Cell::new(self.cluster.as_str()),
            Cell::new(self.application.as_str()),
            Cell::new(object_text(&self.object)),
            Cell::new(fields(&self.fields)),
            Cell::new(words(distinct(self.fields.iter().map(|field| change(field.kind))))),
            Cell::new(words(distinct(self.fields.iter().map(|field| field.manager.as_str())))),
            Cell::new(outcome).tone(tone),
            ago(self.seen_at, now),
            ago_if(self.closed_at, now),
            Cell::new(&self.uid),
            Cell::new(&self.resource_version),
        ]
    }
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
