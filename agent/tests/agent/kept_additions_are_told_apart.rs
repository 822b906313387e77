//! With `extraFields: keep`, what was added is reported and stays, while a change beside it is healed.

use serde_json::{Value, json};
use skerry_common::bundle::manifest::ExtraFields;
use skerry_common::journal::{DriftOutcome, Event};

use crate::site::{Site, map, shop};

/// Path and outcome of every drift that is closed.
fn closed(journal: &[Event]) -> Vec<(String, DriftOutcome)> {
    let outcome = |place: usize| {
        journal.iter().find_map(|event| {
            let Event::DriftClosed { drift, outcome } = event else { return None };
            (drift.0 == place as u64 + 1).then_some(*outcome)
        })
    };
    let drifts = journal.iter().enumerate().filter_map(|(place, event)| {
        let Event::Drift(drift) = event else { return None };
        let paths: Vec<&str> = drift.fields.iter().map(|field| field.path.as_str()).collect();
        Some((paths.join(" "), outcome(place)?))
    });
    drifts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_beside_a_change_is_reported_and_the_change_is_healed() {
    let mut site = Site::running().await;
    site.policy.extra_fields = ExtraFields::Keep;
    site.applies(&[shop(), map("one", "1")]).await;
    let both = |object: &mut Value| {
        object["data"]["value"] = json!("by hand");
        object["metadata"]["labels"]["by"] = json!("hand");
    };
    site.person().edit(&site.target("one"), both).expect("edits");
    let wanted =
        [("/data/value".to_owned(), DriftOutcome::Healed), ("/metadata/labels/by".to_owned(), DriftOutcome::Reported)];
    site.journals("both ends", |journal| closed(journal) == wanted).await;
    let live = site.read("one").expect("is there");
    assert_eq!((&live["data"]["value"], &live["metadata"]["labels"]["by"]), (&json!("1"), &json!("hand")));

    site.set("kubectl-edit", "one", "again");
    let again = [wanted.clone().to_vec(), vec![("/data/value".to_owned(), DriftOutcome::Healed)]].concat();
    site.journals("the change is news, the addition is not", |journal| closed(journal) == again).await;
}
