//! Watches: server-sent events whose ids are positions.
//!
//! An id is sent with the last row of its position, so a client that comes back with it as
//! `Last-Event-ID` gets exactly what it has not seen. Clusters and applications are told as they are
//! now, each once however often it changed; drifts and events are told one by one. When events were
//! dropped before they could be told, an event of type `gap` says so.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::unfold;
use serde::Serialize;
use skerry_common::error_chain::Chain;
use skerry_hub_core::filter::{Filter, Filterable};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::error::Problem;
use super::lists::{applications_touched, drift_rows, event_row};
use super::snapshot::Snapshot;
use super::{Api, ApiStore, HubControl};
use crate::metrics::{self, Metrics};
use crate::store::journal::{DriftFilter, DriftQuery, EventQuery, Range};
use crate::store::{Position, StoreError};

/// How often a silent watch says that it lives: below the idle limits of common proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Stored rows read at once.
const BATCH: usize = 500;

/// The header with which a client resumes.
const LAST_EVENT_ID: &str = "last-event-id";

/// What is watched.
pub(super) enum Watched {
    /// Clusters.
    Clusters(Filter),
    /// Applications.
    Applications(Filter),
    /// Drifts.
    Drift(Filter),
    /// Events.
    Events(Filter),
}

/// Opens a watch. It begins after the caller's last id, or with what changes from now on.
pub(super) fn open<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    headers: &HeaderMap,
    watched: Watched,
    now: Position,
) -> Result<Response, Problem> {
    let wrong = || Problem::bad_request("`Last-Event-ID` is not a position");
    let last = match headers.get(LAST_EVENT_ID) {
        None => now,
        Some(value) => Position(value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(wrong)?),
    };
    let Ok(permit) = Arc::clone(&api.inner.watchers).try_acquire_owned() else {
        api.inner.metrics.add(&metrics::API_BUSY, &[], 1);
        return Err(Problem::busy("too many watches at once"));
    };
    let mut snapshots = api.inner.snapshot.clone();
    snapshots.mark_changed();
    let seat = Seat::take(api.inner.metrics.clone(), permit);
    let watcher = Watcher { api: api.clone(), watched, last, snapshots, queue: VecDeque::new(), _seat: seat };
    let events =
        unfold(watcher, async |mut watcher| watcher.next().await.map(|event| (Ok::<_, Infallible>(event), watcher)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// One open watch, counted while it lives.
struct Seat {
    metrics: Metrics,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(metrics: Metrics, permit: OwnedSemaphorePermit) -> Self {
        metrics.add(&metrics::API_WATCHERS, &[], 1);
        Self { metrics, _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.metrics.add(&metrics::API_WATCHERS, &[], -1);
    }
}

struct Watcher<S, C> {
    api: Api<S, C>,
    watched: Watched,
    /// Everything up to here is in the queue or was sent.
    last: Position,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    queue: VecDeque<Event>,
    _seat: Seat,
}

/// A row that was dropped from the store before this watch could tell of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gap {
    dropped_through: u64,
}

impl<S: ApiStore, C: HubControl> Watcher<S, C> {
    /// The next event; `None` ends the watch: the hub stops, or its store fails and the client comes back.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            self.snapshots.changed().await.ok()?;
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            if let Err(error) = self.fill(&snapshot).await {
                tracing::warn!(error = %Chain(&error), "a watch ends");
                return None;
            }
        }
    }

    async fn fill(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        match &self.watched {
            Watched::Clusters(filter) => {
                let changed = snapshot.changed.range((Bound::Excluded(self.last), Bound::Unbounded));
                let entries = changed.filter_map(|(position, name)| Some((*position, snapshot.clusters.get(name)?)));
                let rows = entries.map(|(position, entry)| (position, Some(self.api.cluster_view(&entry.record))));
                push(&mut self.queue, rows, filter, snapshot);
                self.last = self.last.max(snapshot.position);
            }
            Watched::Applications(filter) => {
                let (bounds, now) = (&self.api.inner.settings.bounds, self.api.now());
                let rows = applications_touched(snapshot, bounds, now, self.last);
                let rows = rows.into_iter().map(|(position, row)| (position, Some(row)));
                push(&mut self.queue, rows, filter, snapshot);
                self.last = self.last.max(snapshot.position);
            }
            Watched::Drift(_) => self.fill_drift(snapshot).await?,
            Watched::Events(_) => self.fill_events(snapshot).await?,
        }
        Ok(())
    }

    async fn fill_drift(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let Watched::Drift(filter) = &self.watched else { return Ok(()) };
        let query = DriftQuery {
            cluster: None,
            application: None,
            which: DriftFilter::All,
            range: Range::After(self.last),
            limit: BATCH,
        };
        let records = self.api.inner.store.drifts(&query).await?;
        let full = records.len() == BATCH;
        self.last = records.last().map_or(self.last, |record| record.position);
        let rows = drift_rows(records, snapshot, &self.api.inner.settings.bounds, self.api.now());
        push(&mut self.queue, rows, filter, snapshot);
        self.again_if(full);
        Ok(())
    }

    async fn fill_events(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let Watched::Events(filter) = &self.watched else { return Ok(()) };
        let dropped = self.api.inner.store.dropped_through().await?;
        let query = EventQuery { cluster: None, range: Range::After(self.last), limit: BATCH };
        let records = self.api.inner.store.events(&query).await?;
        let full = records.len() == BATCH;
        if dropped > self.last {
            let gap = Event::default().event("gap").json_data(Gap { dropped_through: dropped.0 });
            self.queue.extend(gap.ok());
        }
        self.last = records.last().map_or(self.last.max(dropped), |record| record.position);
        let rows = records.iter().map(|record| (record.position, event_row(record, &snapshot.names)));
        push(&mut self.queue, rows, filter, snapshot);
        self.again_if(full);
        Ok(())
    }

    /// A full batch means that there may be more: look again at once.
    fn again_if(&mut self, full: bool) {
        if full {
            self.snapshots.mark_changed();
        }
    }
}

/// Queues the rows that match. Of several rows at one position only the last carries the id.
fn push<T: Filterable + Serialize>(
    queue: &mut VecDeque<Event>,
    rows: impl IntoIterator<Item = (Position, Option<T>)>,
    filter: &Filter,
    snapshot: &Snapshot,
) {
    let mut rows = rows
        .into_iter()
        .filter_map(|(position, row)| Some((position, row.filter(|row| snapshot.matches(filter, row))?)))
        .peekable();
    while let Some((position, row)) = rows.next() {
        let event = Event::default().event("row");
        let is_last = rows.peek().is_none_or(|(next, _)| *next != position);
        let event = if is_last { event.id(position.to_string()) } else { event };
        queue.extend(event.json_data(row).ok());
    }
}
