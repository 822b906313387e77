//! Lists, page after page. What the hub said is kept beside what of it is understood, so that `-o json`
//! shows also what a newer hub tells.

use serde_json::Value;
use skerry_hub_core::view::{Page, Timestamp};

use super::query::Query;
use crate::client::{Client, ClientError};
use crate::rows::{Order, Row};

/// Rows of one request: what the hub gives at most.
const PAGE_ROWS: usize = 1_000;

/// Rows of a list by name without `--limit`: twenty times the largest fleet that is aimed at, and
/// objects of some hundred clusters.
const ROWS_MAX: usize = 200_000;

/// Rows of a list by time without `--limit`: what a person may scroll through.
const NEWEST_ROWS: usize = 500;

/// A row, and what the hub said.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// As the hub said it.
    pub raw: Value,
    /// As this version understands it.
    pub row: T,
}

impl<T: Row> Fetched<T> {
    /// Reads a row.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).and_then(Self::of)
    }

    /// Understands a row.
    pub fn of(raw: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(raw.clone()).map(|row| Self { raw, row })
    }
}

/// A list.
#[derive(Debug)]
pub struct Listing<T> {
    /// Its rows.
    pub rows: Vec<Fetched<T>>,
    /// Where a watch goes on.
    pub position: u64,
    /// When the hub put the first page together, by its clock.
    pub generated_at: Timestamp,
    /// What to say when there are more rows.
    pub cut: Option<String>,
}

impl<T> Listing<T> {
    /// Now, by the hub's clock: ages are told against the clock that the times are of.
    pub fn now(&self) -> Timestamp {
        self.generated_at
    }
}

/// Reads all rows, or as many as are wanted.
pub async fn list<T: Row>(client: &Client, query: &Query, limit: Option<usize>) -> Result<Listing<T>, ClientError> {
    let most = limit.unwrap_or(match T::ORDER {
        Order::ByName => ROWS_MAX,
        Order::NewestFirst => NEWEST_ROWS,
    });
    let mut rows = Vec::new();
    let mut first: Option<(u64, Timestamp)> = None;
    let mut cursor: Option<String> = None;
    let cut = loop {
        let wanted = most.saturating_sub(rows.len()).min(PAGE_ROWS);
        let mut request = query.request(T::PATH).with("limit", wanted.max(1).to_string());
        if let Some(cursor) = &cursor {
            request = request.with("cursor", cursor);
        }
        let page: Page<Value> = client.get(&request).await?;
        first.get_or_insert((page.position, page.generated_at));
        for item in page.items.into_iter().take(wanted) {
            rows.push(Fetched::of(item).map_err(ClientError::Answer)?);
        }
        match page.next {
            None => break false,
            Some(_) if rows.len() >= most => break true,
            // A page may be empty and still name a next one: the hub looked through many rows.
            Some(next) => cursor = Some(next),
        }
    };
    if T::ORDER == Order::NewestFirst {
        rows.reverse();
    }
    let (position, generated_at) = first.unwrap_or_default();
    let which = if T::ORDER == Order::NewestFirst { "newest" } else { "first" };
    let cut =
        (cut && limit.is_none()).then(|| format!("only the {which} {most} are shown: use `--limit` or `--filter`"));
    Ok(Listing { rows, position, generated_at, cut })
}
