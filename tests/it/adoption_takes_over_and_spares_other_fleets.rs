//! An object that exists already is adopted; one of another fleet is not touched.

use serde_json::{Value, json};
use skerry_common::journal::Event;
use skerry_common::status::Sync;

use crate::stage::{Site, Stage, ensure};

fn create(site: &Site, labels: &Value) -> Value {
    let person = site.person();
    person.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).expect("creates");
    let metadata = json!({"name": "one", "namespace": "shop", "labels": labels});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": "theirs"}});
    person.create(object).expect("creates")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_exists_is_adopted_and_keeps_what_people_added_until_the_second_bundle() {
    let stage = Stage::build().await;
    let mut site = stage.joined("one").await;
    let uid = create(&site, &json!({"team": "blue"}))["metadata"]["uid"].clone();
    site.start().await;
    site.applies(&stage.work.head()).await;
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "1");
    assert_eq!(site.field("ConfigMap", "one", "/metadata/uid"), uid);
    assert_eq!(site.field("ConfigMap", "one", "/metadata/labels/team"), "blue");
    let is = |event: &Event, name: &str| matches!(event, Event::Adopted { object } if object.name == name);
    assert_eq!(stage.hears(&site, "it is adopted", |event| is(event, "one")).await.len(), 1);
    assert!(!stage.journal(&site).await.iter().any(|event| is(event, "two")), "what we made was adopted");

    stage.settings("two", "second");
    stage.push_to(&site, "the second bundle").await;
    site.shows("ConfigMap", "one", "/metadata/labels/team", Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_fleet_is_refused_and_not_touched() {
    let stage = Stage::build().await;
    let mut site = stage.joined("one").await;
    let theirs = create(&site, &json!({"skerry.dev/fleet": "another"}));
    site.start().await;
    site.until("the refusal is told", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let told = snapshot.applications.iter().flat_map(|section| &section.objects);
        let told = told.filter(|report| report.object.name == "one" && report.sync == Sync::Failed);
        ensure(told.count() == 1, &format!("{snapshot:#?}"))
    })
    .await;
    site.shows("ConfigMap", "two", "/data/value", "2").await;
    stage.planned_again(&site).await;
    assert_eq!(site.read("ConfigMap", "one"), Some(theirs));
}
