//! A field that is ignored belongs to whoever wants it, also when the rule came later (DESIGN §4.12).

use serde_json::Value;
use skerry_tests::wait::stays;

use crate::stage::{Site, Stage, WATCHED, ensure};

const IGNORE: &str = "{ignore: [{kind: Deployment, fields: [/spec/replicas]}]}";

fn owner_of_replicas(site: &Site) -> Vec<String> {
    let entries = site.field("Deployment", "web", "/metadata/managedFields");
    let owns = |entry: &&Value| entry.pointer("/fieldsV1/f:spec/f:replicas").is_some();
    let entries = entries.as_array().cloned().unwrap_or_default();
    entries.iter().filter(owns).map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_added_later_changes_no_value_and_scaling_is_left_alone_from_then_on() {
    let stage = Stage::build().await;
    stage.deployment("web");
    stage.push("a deployment").await;
    let site = stage.settled("one").await;
    site.shows("Deployment", "web", "/spec/replicas", 2).await;
    let generation = site.field("Deployment", "web", "/metadata/generation");

    stage.declare("false", IGNORE);
    stage.push_to(&site, "replicas belong to others").await;
    site.until("the field has another owner", |site| {
        let owners = owner_of_replicas(site);
        ensure(owners == ["skerry-initial"], &format!("{owners:?}"))
    })
    .await;
    assert_eq!(site.field("Deployment", "web", "/spec/replicas"), 2);
    assert_eq!(site.field("Deployment", "web", "/metadata/generation"), generation, "the spec was touched");

    site.person().scale(&site.target("Deployment", "web"), 7).expect("scales");
    stage.settings("one", "changed");
    stage.push_to(&site, "something else").await;
    stage.full_pass(&site).await;
    stays(WATCHED, "a person's scale", || {
        let replicas = site.field("Deployment", "web", "/spec/replicas");
        std::future::ready(ensure(replicas == 7, &replicas))
    })
    .await;
    assert!(stage.drifts(&site).await.is_empty());
}
