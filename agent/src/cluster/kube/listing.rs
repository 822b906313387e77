//! Lists, page by page.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::connection::Connection;
use super::request::{Ask, in_scope, many, name_kind};
use crate::cluster::{ApiKind, ClusterError, Detail, Listing, Scope};

/// Objects a page: what kubectl asks for; a page of thousands would sit in memory twice.
const PAGE: &str = "500";

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

/// All pages, or an error: a cluster that changes so fast that a page expires is listed again by the caller.
pub(super) async fn list(
    connection: &Connection,
    kind: &ApiKind,
    scope: &Scope,
    labels: Option<&str>,
    detail: Detail,
) -> Result<Listing, ClusterError> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let mut ask = Ask::get(in_scope(kind, scope)).accept(many(detail)).about(kind).query("limit", PAGE);
        if let Some(labels) = labels {
            ask = ask.query("labelSelector", labels);
        }
        if !next.is_empty() {
            ask = ask.query("continue", &next);
        }
        let name = ask.name();
        let page: Page = connection.ask(ask.within(PAGE_TIMEOUT, PAGE_BYTES_MAX)).await?.read()?;
        for mut item in page.items.unwrap_or_default() {
            name_kind(&mut item, kind);
            items.push(item);
        }
        if items.len() > OBJECTS_MAX {
            return Err(ClusterError::TooLarge { request: name, limit: OBJECTS_MAX, unit: "objects" });
        }
        if page.metadata.next.is_empty() {
            return Ok(Listing { items, resource_version: page.metadata.resource_version });
        }
        next = page.metadata.next;
    }
}
