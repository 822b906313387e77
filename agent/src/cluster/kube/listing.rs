//! Lists, page by page.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::connection::Connection;
use super::request::{Ask, in_scope, many, name_kind};
use crate::cluster::{ApiKind, ClusterError, Detail, Scope, Visitor};

/// Objects a page: what kubectl asks for; a page of thousands would sit in memory twice.
pub(super) const PAGE: &str = "500";

/// Objects a page for those who keep little of each: an object takes three times its JSON while it is looked at, and
/// what an allocator once took it seldom gives back.
pub(super) const SMALL_PAGE: &str = "25";

/// Objects of one list: far above what one agent manages; beyond, our memory would be the next to fail.
const OBJECTS_MAX: usize = 100_000;

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// How large a page may be: 500 objects of 128 KiB.
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

/// What is asked for: kind, scope, labels, detail.
type Query<'a> = (&'a ApiKind, &'a Scope, Option<&'a str>, Detail);

/// All pages, or an error: a cluster that changes so fast that a page expires is listed again by the caller.
pub(super) async fn visit(
    connection: &Connection,
    (kind, scope, labels, detail): Query<'_>,
    size: &str,
    each: &mut Visitor<'_>,
) -> Result<String, ClusterError> {
    let mut count = 0;
    let mut next = String::new();
    loop {
        let mut ask = Ask::get(in_scope(kind, scope)).accept(many(detail)).about(kind).query("limit", size);
        if let Some(labels) = labels {
            ask = ask.query("labelSelector", labels);
        }
        if !next.is_empty() {
            ask = ask.query("continue", &next);
        }
        let name = ask.name();
        let page: Page = connection.ask(ask.within(PAGE_TIMEOUT, PAGE_BYTES_MAX)).await?.read()?;
        let items = page.items.unwrap_or_default();
        count += items.len();
        if count > OBJECTS_MAX {
            return Err(ClusterError::TooLarge { request: name, limit: OBJECTS_MAX, unit: "objects" });
        }
        for mut item in items {
            name_kind(&mut item, kind);
            each(item).await;
        }
        if page.metadata.next.is_empty() {
            return Ok(page.metadata.resource_version);
        }
        next = page.metadata.next;
    }
}
