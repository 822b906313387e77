//! The OpenAPI document.

use std::collections::BTreeSet;

use reqwest::Method;

use super::Rig;
use crate::api::error::CODES;
use crate::api::openapi;
use crate::api::routes::{self, ROUTES, Takes};

/// The committed document; `SKERRY_BLESS=1 cargo test -p skerry-hub openapi` writes it anew.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[tokio::test]
async fn every_route_is_in_the_served_document() {
    let rig = Rig::start().await;
    let served = rig.call(Method::GET, "/openapi.json", None, None).await.body;
    assert_eq!(served["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        let method = match route.method {
            routes::Method::Get => "get",
            routes::Method::Post => "post",
        };
        let operation = &served["paths"][route.path][method];
        assert_eq!(operation["operationId"], route.operation.name(), "{}", route.path);
        assert!(ids.insert(route.operation.name()), "{} stands twice", route.operation.name());
        assert_eq!(operation["security"].as_array().map(Vec::len), Some(usize::from(route.needs.is_some())));
        let schemas = &served["components"]["schemas"];
        assert!(schemas[route.answers].is_object(), "{}", route.answers);
        let has_fields = schemas[route.answers]["properties"].is_object();
        assert!(has_fields || ["Text", "Archive", "OpenApi"].contains(&route.answers), "{}", route.answers);
        if let Takes::Body(schema) = route.takes {
            assert!(schemas[schema].is_object(), "{schema}");
        }
    }
}

#[test]
fn the_committed_openapi_document_is_fresh() {
    let made = openapi::text();
    if std::env::var_os("SKERRY_BLESS").is_some() {
        std::fs::write(COMMITTED, &made).expect("writes");
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(committed == made, "docs/openapi.json is stale: SKERRY_BLESS=1 cargo test -p skerry-hub openapi");
}

#[test]
fn codes_are_unique_and_explained() {
    assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    assert!(CODES.iter().all(|(_, title, text)| !title.is_empty() && text.len() > title.len()));
}
