//! Stored rows as views.

use std::collections::BTreeMap;

use skerry_common::id::{ApplicationName, Incarnation, Sequence};
use skerry_common::journal::JournalEntry;
use skerry_common::redact::{escape_controls, redact};
use skerry_common::status::ContactBounds;
use skerry_hub_core::view::{
    self, ApplicationView, ClusterRecord, DriftView, EventView, FieldView, ObjectRef, SourceView, Timestamp,
};

use super::Names;
use crate::api::snapshot::Snapshot;
use crate::store::Position;
use crate::store::journal::{DriftRecord, EventRecord, HubEvent, What};
use crate::store::sources::SourceRecord;

/// All applications of a snapshot.
pub(in crate::api) fn applications(
    snapshot: &Snapshot,
    bounds: &ContactBounds,
    now: Timestamp,
) -> Vec<ApplicationView> {
    let records = snapshot.clusters.values().map(|entry| &*entry.record);
    view::applications(&snapshot.fleet.fleet, records, bounds, now)
}

/// A source as it is stored.
pub(in crate::api) fn source_view(source: &SourceRecord) -> SourceView {
    SourceView {
        name: source.name.clone(),
        url: redact(&source.url),
        reference: source.reference.clone(),
        commit: source.commit.clone(),
        fetched_at: source.changed_unix_ms.map(Timestamp),
        checked_at: source.checked_unix_ms.map(Timestamp),
        failures: source.failures,
        error: source.error.as_deref().map(redact),
    }
}

/// Fields that one entry told of, next to each other, become one row at the position of the last.
pub(in crate::api) fn drift_rows(
    records: Vec<DriftRecord>,
    snapshot: &Snapshot,
    bounds: &ContactBounds,
    now: Timestamp,
) -> Vec<(Position, Option<DriftView>)> {
    let mut rows: Vec<(Position, Option<DriftView>)> = Vec::new();
    for record in records {
        let field = FieldView {
            path: record.path.clone(),
            kind: record.kind,
            manager: escape_controls(&record.manager).into_owned(),
        };
        let name = snapshot.names.get(&record.cluster);
        let cluster = name.and_then(|name| snapshot.clusters.get(name)).map(|entry| &entry.record);
        if let Some((position, Some(last))) = rows.last_mut()
            && Some(&last.cluster) == name
            && (last.incarnation, last.sequence) == (record.incarnation, record.sequence)
            && last.outcome == record.closed.map(|(outcome, _)| outcome)
        {
            last.fields.push(field);
            *position = record.position;
            continue;
        }
        let view = cluster.map(|cluster| DriftView {
            cluster: cluster.name.clone(),
            incarnation: record.incarnation,
            sequence: record.sequence,
            application: record.application.clone(),
            object: ObjectRef::from(&record.object),
            uid: record.uid.clone(),
            resource_version: record.resource_version.clone(),
            fields: vec![field],
            seen_at: Timestamp(record.detected_unix_ms),
            contact: cluster.contact(bounds, now),
            observed_at: observed_at(cluster, &record.application),
            outcome: record.closed.map(|(outcome, _)| outcome),
            closed_at: record.closed.map(|(_, at)| Timestamp(at)),
        });
        rows.push((record.position, view));
    }
    rows
}

/// When an application was observed last on a cluster; one that left is as old as the whole report.
fn observed_at(cluster: &ClusterRecord, application: &ApplicationName) -> Option<Timestamp> {
    let reported = cluster.reported.as_ref()?;
    Some(reported.applications.get(application).map_or_else(|| reported.observed_at(), |section| section.observed_at))
}

/// An event as a line; `None` for one of a cluster that is not known.
pub(in crate::api) fn event_row(record: &EventRecord, names: &Names) -> Option<EventView> {
    let cluster = match &record.cluster {
        Some(id) => Some(names.get(id)?),
        None => None,
    };
    let received_at = Timestamp(record.received_unix_ms);
    let mut view = match &record.what {
        What::Agent { incarnation, sequence, event } => {
            let entry = JournalEntry { sequence: *sequence, at_unix_ms: record.at_unix_ms, event: event.clone() };
            view::event(cluster?, *incarnation, &entry, received_at)
        }
        // The hub's own: life 0, in the hub's order.
        What::Hub(event) => EventView {
            cluster: cluster.cloned(),
            incarnation: Incarnation(0),
            sequence: Sequence(record.position.0),
            at: Timestamp(record.at_unix_ms),
            received_at,
            kind: camel_case(event.kind()),
            warning: is_warning(event),
            application: application(event),
            object: None,
            message: message(event),
        },
    };
    view.message = redact(&view.message);
    Some(view)
}

fn application(event: &HubEvent) -> Option<ApplicationName> {
    match event {
        HubEvent::RenderFailed { application, .. } => application.clone(),
        HubEvent::Registered
        | HubEvent::Joined
        | HubEvent::Revoked
        | HubEvent::Rejoin
        | HubEvent::Published { .. }
        | HubEvent::SourceChanged { .. }
        | HubEvent::SourceFailed { .. }
        | HubEvent::Warned { .. }
        | HubEvent::SyncRequested
        | HubEvent::PruneConfirmed { .. }
        | HubEvent::Suspicious { .. } => None,
    }
}

fn camel_case(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}

fn is_warning(event: &HubEvent) -> bool {
    match event {
        HubEvent::SourceFailed { .. }
        | HubEvent::RenderFailed { .. }
        | HubEvent::Warned { .. }
        | HubEvent::Suspicious { .. }
        | HubEvent::Revoked => true,
        HubEvent::Registered
        | HubEvent::Joined
        | HubEvent::Rejoin
        | HubEvent::Published { .. }
        | HubEvent::SourceChanged { .. }
        | HubEvent::SyncRequested
        | HubEvent::PruneConfirmed { .. } => false,
    }
}

fn message(event: &HubEvent) -> String {
    match event {
        HubEvent::Registered => "registered".to_owned(),
        HubEvent::Joined => "its agent joined".to_owned(),
        HubEvent::Revoked => "revoked: its certificates no longer count".to_owned(),
        HubEvent::Rejoin => "may join again: a new token was made".to_owned(),
        HubEvent::Published { place, .. } => format!("generation {place} published"),
        HubEvent::SourceChanged { source, commit } => format!("source {source} is at {}", commit.short()),
        HubEvent::SourceFailed { source, message } => format!("source {source} cannot be read: {message}"),
        HubEvent::RenderFailed { application, message } => match application {
            Some(application) => format!("application {application} cannot be rendered: {message}"),
            None => format!("the fleet documents cannot be read: {message}"),
        },
        HubEvent::SyncRequested => "a look at Git and a full pass were asked for".to_owned(),
        HubEvent::PruneConfirmed { list } => format!("the deletion {} was confirmed", list.short()),
        HubEvent::Suspicious { message } | HubEvent::Warned { message } => message.clone(),
    }
}

/// Applications that clusters of these names reported.
pub(in crate::api) fn applications_touched(
    snapshot: &Snapshot,
    bounds: &ContactBounds,
    now: Timestamp,
    after: Position,
) -> Vec<(Position, ApplicationView)> {
    let mut newest: BTreeMap<String, Position> = BTreeMap::new();
    for (position, name) in snapshot.changed.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded)) {
        let reported = snapshot.clusters.get(name).and_then(|entry| entry.record.reported.as_ref());
        for application in reported.into_iter().flat_map(|reported| reported.applications.keys()) {
            newest.insert(application.to_string(), *position);
        }
    }
    let rows = applications(snapshot, bounds, now).into_iter();
    let mut touched: Vec<_> =
        rows.filter_map(|row| newest.get(row.name.as_str()).map(|position| (*position, row))).collect();
    touched.sort_by_key(|(position, _)| *position);
    touched
}
