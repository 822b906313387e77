//! Lists: filtered, page by page, or watched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use skerry_common::id::ClusterName;
use skerry_hub_core::filter::{Filter, FilterError, Filterable};
use skerry_hub_core::view::{self, ClusterRecord, ClusterView, EventView, Page, Timestamp};

use super::error::Problem;
use super::snapshot::Snapshot;
use super::stream::{self, Watched};
use super::{Api, ApiStore, HubControl};
use crate::store::journal::{DriftFilter, DriftQuery, EventQuery, Range};
use crate::store::{PAGE_ROWS_MAX, Position};

mod rows;
pub(super) use rows::{applications as application_rows, applications_touched, drift_rows, event_row, source_view};

/// Rows of a page when the caller names no limit.
const PAGE_ROWS: usize = 100;

/// Most stored rows that one request looks through for rows that match a filter; then the page ends
/// early, and `next` says where to go on.
const SCANNED_ROWS_MAX: usize = 20_000;

/// How long a read waits for the snapshot to catch up with the store.
const CATCH_UP: Duration = Duration::from_secs(5);

/// What lists take.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    filter: Option<String>,
    label_selector: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(default)]
    watch: bool,
}

/// A list's parameters, or why they are not understood.
pub(super) type Parameters = Result<Query<ListQuery>, QueryRejection>;

/// Understood parameters.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) limit: usize,
    pub(super) after: Option<String>,
    pub(super) watch: bool,
}

impl Wanted {
    /// Reads parameters for rows of one type. Labels are those of clusters, and count for what is on them.
    pub(super) fn read<T: Filterable>(parameters: Parameters) -> Result<Self, Problem> {
        let Query(query) = parameters.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let wrong = |error: FilterError| Problem::diagnostic(StatusCode::BAD_REQUEST, &error.diagnostic());
        let mut filter = Filter::parse::<T>(query.filter.as_deref().unwrap_or_default()).map_err(wrong)?;
        if let Some(labels) = &query.label_selector {
            filter = filter.and(Filter::parse_labels::<T>(labels).map_err(wrong)?);
        }
        let limit = query.limit.unwrap_or(PAGE_ROWS);
        if limit == 0 || limit > PAGE_ROWS_MAX {
            return Err(Problem::bad_request(format!("`limit` must be 1 to {PAGE_ROWS_MAX}")));
        }
        let after = query.cursor.as_deref().map(read_cursor).transpose()?;
        Ok(Self { filter, limit, after, watch: query.watch })
    }

    /// The same for lists that cannot be watched: a watch is refused, not answered with a page.
    pub(super) fn read_page<T: Filterable>(parameters: Parameters) -> Result<Self, Problem> {
        let wanted = Self::read::<T>(parameters)?;
        if wanted.watch {
            return Err(Problem::bad_request("this list cannot be watched: ask for pages"));
        }
        Ok(wanted)
    }

    fn before(&self) -> Result<Option<Position>, Problem> {
        let number = |text: &String| {
            text.parse().map(Position).map_err(|_| Problem::bad_request("`cursor` is not one of this list"))
        };
        self.after.as_ref().map(number).transpose()
    }
}

/// A cursor names the last row of a page; to callers it is opaque.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn read_cursor(text: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Problem::bad_request("`cursor` is not one that a page named"))
}

impl<S: ApiStore, C: HubControl> Api<S, C> {
    /// Now, by the hub's clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp((self.inner.clock)())
    }

    /// A snapshot that holds everything that was stored when this was called.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        let head = *self.inner.store.head().borrow();
        let mut snapshots = self.inner.snapshot.clone();
        let caught_up = snapshots.wait_for(|snapshot| snapshot.position >= head);
        match tokio::time::timeout(CATCH_UP, caught_up).await {
            Ok(Ok(snapshot)) => Ok(Arc::clone(&snapshot)),
            Ok(Err(_)) | Err(_) => Err(Problem::busy("the hub is not ready to show its state")),
        }
    }

    pub(super) fn cluster_view(&self, record: &ClusterRecord) -> ClusterView {
        view::cluster(record, &self.inner.settings.bounds, self.now())
    }
}

/// Makes a page of rows that come sorted by their keys.
pub(super) fn page<T: Filterable>(
    rows: impl IntoIterator<Item = (String, T)>,
    wanted: &Wanted,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Page<T> {
    let mut items = Vec::new();
    let (mut last, mut next) = (String::new(), None);
    for (key, row) in rows {
        if wanted.after.as_ref().is_some_and(|after| key <= *after) || !snapshot.matches(&wanted.filter, &row) {
            continue;
        }
        if items.len() == wanted.limit {
            next = Some(cursor(&last));
            break;
        }
        items.push(row);
        last = key;
    }
    Page { items, next, position: snapshot.position.0, generated_at: now }
}

/// Answers a page as JSON.
pub(super) fn answer<T: Serialize>(page: Page<T>) -> Response {
    Json(page).into_response()
}

pub(super) async fn clusters<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read::<ClusterView>(parameters)?;
    let snapshot = api.snapshot().await?;
    if wanted.watch {
        return stream::open(&api, &headers, Watched::Clusters(wanted.filter), snapshot.position);
    }
    let after = wanted.after.as_deref().and_then(|name| ClusterName::parse(name).ok());
    let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
    // Views are made only for rows that are looked at.
    let rows = snapshot.clusters.range((from, std::ops::Bound::Unbounded));
    let rows = rows.map(|(name, entry)| (name.to_string(), api.cluster_view(&entry.record)));
    Ok(answer(page(rows, &wanted, &snapshot, api.now())))
}

pub(super) async fn groups<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read_page::<view::GroupView>(parameters)?;
    let snapshot = api.snapshot().await?;
    let views: Vec<ClusterView> = snapshot.clusters.values().map(|entry| api.cluster_view(&entry.record)).collect();
    let rows = view::groups(&snapshot.fleet.fleet, &views).into_iter().map(|group| (group.name.to_string(), group));
    Ok(answer(page(rows, &wanted, &snapshot, api.now())))
}

pub(super) async fn applications<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read::<view::ApplicationView>(parameters)?;
    let snapshot = api.snapshot().await?;
    if wanted.watch {
        return stream::open(&api, &headers, Watched::Applications(wanted.filter), snapshot.position);
    }
    let rows = application_rows(&snapshot, &api.inner.settings.bounds, api.now());
    let rows = rows.into_iter().map(|row| (row.name.to_string(), row));
    Ok(answer(page(rows, &wanted, &snapshot, api.now())))
}

pub(super) async fn sources<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read_page::<view::SourceView>(parameters)?;
    let snapshot = api.snapshot().await?;
    let rows = snapshot.sources.iter().map(|source| (source.name.to_string(), source_view(source)));
    Ok(answer(page(rows, &wanted, &snapshot, api.now())))
}

pub(super) async fn drift<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read::<view::DriftView>(parameters)?;
    let snapshot = api.snapshot().await?;
    if wanted.watch {
        return stream::open(&api, &headers, Watched::Drift(wanted.filter), snapshot.position);
    }
    let mut found = Newest::new(&wanted, wanted.before()?);
    while found.wants_more() {
        let query = DriftQuery {
            cluster: None,
            application: None,
            which: DriftFilter::All,
            range: Range::Before(found.before),
            limit: PAGE_ROWS_MAX,
        };
        let records = api.inner.store.drifts(&query).await?;
        let count = records.len();
        found.take(drift_rows(records, &snapshot, &api.inner.settings.bounds, api.now()), count, &snapshot);
    }
    Ok(answer(found.page(snapshot.position, api.now())))
}

pub(super) async fn events<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read::<EventView>(parameters)?;
    let snapshot = api.snapshot().await?;
    if wanted.watch {
        return stream::open(&api, &headers, Watched::Events(wanted.filter), snapshot.position);
    }
    let mut found = Newest::new(&wanted, wanted.before()?);
    while found.wants_more() {
        let query = EventQuery { cluster: None, range: Range::Before(found.before), limit: PAGE_ROWS_MAX };
        let records = api.inner.store.events(&query).await?;
        let count = records.len();
        let rows = records.iter().map(|record| (record.position, event_row(record, &snapshot.names))).collect();
        found.take(rows, count, &snapshot);
    }
    Ok(answer(found.page(snapshot.position, api.now())))
}

/// A page of stored rows, newest first.
struct Newest<'w, T> {
    wanted: &'w Wanted,
    before: Option<Position>,
    items: Vec<T>,
    scanned: usize,
    state: Scan,
}

/// How far a page has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// More rows may match.
    Going,
    /// The page is full, or enough was looked through.
    Cut,
    /// There are no older rows.
    End,
}

impl<'w, T: Filterable> Newest<'w, T> {
    fn new(wanted: &'w Wanted, before: Option<Position>) -> Self {
        Self { wanted, before, items: Vec::new(), scanned: 0, state: Scan::Going }
    }

    fn wants_more(&self) -> bool {
        self.state == Scan::Going
    }

    /// Takes rows with their positions; a row that cannot be shown is `None`.
    fn take(&mut self, rows: Vec<(Position, Option<T>)>, read: usize, snapshot: &Snapshot) {
        for (position, row) in rows {
            if self.items.len() == self.wanted.limit {
                self.state = Scan::Cut;
                return;
            }
            self.before = Some(position);
            self.items.extend(row.filter(|row| snapshot.matches(&self.wanted.filter, row)));
        }
        self.scanned += read;
        if read < PAGE_ROWS_MAX {
            self.state = Scan::End;
        } else if self.scanned >= SCANNED_ROWS_MAX {
            self.state = Scan::Cut;
        }
    }

    fn page(self, position: Position, now: Timestamp) -> Page<T> {
        let before = self.before.filter(|_| self.state == Scan::Cut);
        let next = before.map(|before| cursor(&before.to_string()));
        Page { items: self.items, next, position: position.0, generated_at: now }
    }
}

/// Names of clusters by id, for rows that are stored by id.
pub(super) type Names = BTreeMap<skerry_common::id::ClusterId, ClusterName>;
