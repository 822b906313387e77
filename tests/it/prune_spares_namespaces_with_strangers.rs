//! A namespace goes only when nothing but ours is in it (DESIGN §4.10).

use serde_json::json;

use crate::stage::{Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_with_somebody_elses_objects_stays_until_they_are_gone() {
    let stage = Stage::build().await;
    stage.work.write("apps/spare.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: spare}\n");
    stage.push("a spare namespace").await;
    let site = stage.settled("one").await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "spare"}});
    site.person().create(theirs).expect("creates");
    let person = site.person();
    let namespace = person.target("Namespace", None, "spare").expect("a kind");
    let theirs = person.target("ConfigMap", Some("spare"), "theirs").expect("a kind");

    stage.work.remove("apps/spare.yaml");
    let commit = stage.push("no spare namespace").await;
    site.takes_up(&commit).await;
    site.until("the refusal is told", |site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        let told = snapshot.applications.iter().flat_map(|section| &section.objects);
        let told = told.filter(|report| report.object.kind == "Namespace" && report.object.name == "spare");
        ensure(told.count() == 1, &format!("{snapshot:?}"))
    })
    .await;
    assert!(person.read(&namespace).is_some_and(|object| object.pointer("/metadata/deletionTimestamp").is_none()));
    assert!(person.read(&theirs).is_some());

    person.delete(&theirs).expect("deletes");
    stage.settings("one", "changed");
    stage.push_to(&site, "something else").await;
    site.until("the empty namespace goes", |_| ensure(person.read(&namespace).is_none(), &"it is there")).await;
}
