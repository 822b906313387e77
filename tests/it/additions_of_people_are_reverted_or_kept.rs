//! What people add to an object of ours is drift: reported always, reverted by default (DESIGN §4.12).

use serde_json::{Value, json};
use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_tests::wait::{eventually, stays};

use crate::stage::{DEADLINE, Site, Stage, WATCHED, ensure};

const LABEL: &str = "/metadata/labels/by";

fn label(site: &Site) {
    let add = |object: &mut Value| object["metadata"]["labels"]["by"] = json!("hand");
    site.person().edit(&site.target("ConfigMap", "one"), add).expect("labels");
}

async fn reported(stage: &Stage, site: &Site, outcome: DriftOutcome) {
    eventually(DEADLINE, "the addition is reported", || async {
        let drifts = stage.drifts(site).await;
        let fits = drifts.iter().any(|drift| {
            drift.path == LABEL
                && drift.kind == DriftKind::Added
                && drift.manager == "kubectl-edit"
                && drift.closed.is_some_and(|(how, _)| how == outcome)
        });
        ensure(fits && drifts.len() == 1, &format!("{drifts:#?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_a_person_added_is_taken_away_and_reported() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    label(&site);
    site.shows("ConfigMap", "one", LABEL, Value::Null).await;
    assert_eq!(site.field("ConfigMap", "one", "/data/value"), "1");
    reported(&stage, &site, DriftOutcome::Healed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keep_a_label_that_a_person_added_stays_and_is_reported() {
    let stage = Stage::build().await;
    stage.declare("false", "{extraFields: keep}");
    stage.push("keep").await;
    let site = stage.settled("one").await;
    label(&site);
    reported(&stage, &site, DriftOutcome::Reported).await;
    stage.full_pass(&site).await;
    stays(WATCHED, "the label stays", || {
        let label = site.field("ConfigMap", "one", LABEL);
        std::future::ready(ensure(label == "hand", &label))
    })
    .await;
}
