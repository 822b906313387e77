//! Journals, events and drifts in memory.

use skerry_common::id::{ClusterId, Incarnation, Sequence};
use skerry_common::journal::{Event, JournalEntry};

use super::{MemoryStore, State, page};
use crate::store::journal::{
    DRIFTS_PER_CLUSTER_MAX, DriftFilter, DriftQuery, DriftRecord, EVENTS_MAX, EVENTS_PER_CLUSTER_MAX, EventQuery,
    EventRecord, HubEvent, JournalStore, Range, What,
};
use crate::store::{Position, StoreError};

impl JournalStore for MemoryStore {
    async fn append(
        &self,
        cluster: &ClusterId,
        incarnation: Incarnation,
        entries: &[JournalEntry],
        now_unix_ms: i64,
    ) -> Result<Sequence, StoreError> {
        self.with(|state| {
            let key = (cluster.clone(), incarnation);
            let mut through = state.marks.get(&key).copied().unwrap_or_default();
            for entry in entries {
                if entry.sequence > through {
                    insert(state, &key, entry, now_unix_ms);
                    through = entry.sequence;
                }
            }
            state.marks.insert(key, through);
            trim_events(state, Some(cluster));
            trim_drifts(state, cluster);
            through
        })
    }

    async fn mark(&self, cluster: &ClusterId, incarnation: Incarnation) -> Result<Sequence, StoreError> {
        self.with(|state| state.marks.get(&(cluster.clone(), incarnation)).copied().unwrap_or_default())
    }

    async fn record(
        &self,
        cluster: Option<&ClusterId>,
        event: HubEvent,
        now_unix_ms: i64,
    ) -> Result<Position, StoreError> {
        self.with(|state| {
            let position = state.next();
            let record = EventRecord {
                position,
                cluster: cluster.cloned(),
                at_unix_ms: now_unix_ms,
                received_unix_ms: now_unix_ms,
                what: What::Hub(event),
            };
            add_event(state, record);
            trim_events(state, cluster);
            position
        })
    }

    async fn events(&self, query: &EventQuery) -> Result<Vec<EventRecord>, StoreError> {
        self.with(|state| {
            let wanted = |record: &&EventRecord| {
                query.cluster.as_ref().is_none_or(|cluster| record.cluster.as_ref() == Some(cluster))
            };
            in_range(state.events.values().filter(wanted).cloned().collect(), query.range, query.limit, |r| r.position)
        })
    }

    async fn dropped_events(&self, cluster: Option<&ClusterId>) -> Result<Vec<(String, u64)>, StoreError> {
        self.with(|state| {
            let own = state.dropped.iter().filter(|((owner, _), _)| owner.as_ref() == cluster);
            own.map(|((_, kind), count)| ((*kind).to_owned(), *count)).collect()
        })
    }

    async fn dropped_through(&self) -> Result<Position, StoreError> {
        self.with(|state| state.dropped_through)
    }

    async fn drifts(&self, query: &DriftQuery) -> Result<Vec<DriftRecord>, StoreError> {
        self.with(|state| {
            let wanted = |record: &&DriftRecord| {
                query.cluster.as_ref().is_none_or(|cluster| record.cluster == *cluster)
                    && query.application.as_ref().is_none_or(|name| record.application == *name)
                    && (query.which == DriftFilter::All || record.closed.is_none())
            };
            let found = state.drifts.values().filter(wanted).cloned().collect();
            in_range(found, query.range, query.limit, |record| record.position)
        })
    }
}

fn in_range<T>(mut rows: Vec<T>, range: Range, limit: usize, position: fn(&T) -> Position) -> Vec<T> {
    rows.retain(|row| match range {
        Range::After(after) => position(row) > after,
        Range::Before(before) => before.is_none_or(|before| position(row) < before),
    });
    rows.sort_by_key(position);
    if matches!(range, Range::Before(_)) {
        rows.reverse();
    }
    rows.truncate(page(limit));
    rows
}

fn insert(state: &mut State, key: &(ClusterId, Incarnation), entry: &JournalEntry, now_unix_ms: i64) {
    let (cluster, incarnation) = key.clone();
    let position = state.next();
    let what = What::Agent { incarnation, sequence: entry.sequence, event: entry.event.clone() };
    let record = EventRecord {
        position,
        cluster: Some(cluster.clone()),
        at_unix_ms: entry.at_unix_ms,
        received_unix_ms: now_unix_ms,
        what,
    };
    add_event(state, record);
    if let Event::Drift(drift) = &entry.event {
        for field in &drift.fields {
            let position = state.next();
            let record = DriftRecord {
                position,
                cluster: cluster.clone(),
                incarnation,
                sequence: entry.sequence,
                application: drift.application.clone(),
                object: drift.object.clone(),
                uid: drift.uid.clone(),
                resource_version: drift.resource_version.clone(),
                path: field.path.clone(),
                kind: field.kind,
                manager: field.manager.clone(),
                detected_unix_ms: entry.at_unix_ms,
                closed: None,
            };
            let key = (cluster.clone(), drift.uid.clone(), drift.resource_version.clone(), field.path.clone());
            state.drifts.entry(key).or_insert(record);
        }
    }
    if let Event::DriftClosed { drift, outcome } = &entry.event {
        let mut closed = Vec::new();
        for (key, known) in &mut state.drifts {
            let opened_here = key.0 == cluster && known.incarnation == incarnation && known.sequence == *drift;
            if opened_here && known.closed.is_none() {
                known.closed = Some((*outcome, entry.at_unix_ms));
                closed.push(key.clone());
            }
        }
        for key in closed {
            let position = state.next();
            state.drifts.entry(key).and_modify(|known| known.position = position);
        }
    }
}

fn add_event(state: &mut State, record: EventRecord) {
    *state.events_of.entry(record.cluster.clone()).or_default() += 1;
    state.events.insert(record.position, record);
}

fn trim_events(state: &mut State, cluster: Option<&ClusterId>) {
    let kept = usize::try_from(EVENTS_PER_CLUSTER_MAX).unwrap_or(usize::MAX);
    let mut old: Vec<Position> = Vec::new();
    if state.events_of.get(&cluster.cloned()).is_some_and(|count| *count > kept) {
        let own = state.events.values().rev().filter(|record| record.cluster.as_ref() == cluster);
        old.extend(own.skip(kept).map(|record| record.position));
    }
    let everybody = Position(state.position.0.saturating_sub(EVENTS_MAX));
    old.extend(state.events.range(..=everybody).map(|(position, _)| *position));
    for position in old {
        if let Some(record) = state.events.remove(&position) {
            state.events_of.entry(record.cluster.clone()).and_modify(|count| *count -= 1);
            *state.dropped.entry((record.cluster, record.what.kind())).or_default() += 1;
            state.dropped_through = state.dropped_through.max(position);
        }
    }
}

fn trim_drifts(state: &mut State, cluster: &ClusterId) {
    let own = state.drifts.iter().filter(|(key, _)| key.0 == *cluster);
    let mut order: Vec<_> =
        own.map(|(key, drift)| (drift.closed.is_some(), std::cmp::Reverse(drift.position), key.clone())).collect();
    order.sort();
    for (.., key) in order.into_iter().skip(usize::try_from(DRIFTS_PER_CLUSTER_MAX).unwrap_or(usize::MAX)) {
        state.drifts.remove(&key);
    }
}
