//! An agent that was killed between healing and telling so closes the drift in its next life (DESIGN §4.7).

use skerry_agent::agent::store_folder;
use skerry_agent::tasks::keeper::Keeper;
use skerry_common::id::ApplicationName;
use skerry_common::journal::{Drift, DriftKind, Event, FieldDrift};
use skerry_common::object::ObjectKey;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_whose_end_was_not_journalled_is_closed_by_the_next_life() {
    let stage = Stage::build().await;
    let mut site = stage.settled("one").await;
    site.stop().await;
    // What the last life would have left, had it been killed after the apply: opened, and not closed.
    let drift = Drift {
        application: ApplicationName::parse("web").expect("a name"),
        object: ObjectKey {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "one".into(),
        },
        uid: "before".into(),
        resource_version: "1".into(),
        fields: vec![FieldDrift { path: String::new(), kind: DriftKind::Deleted, manager: String::new() }],
    };
    let keeper = Keeper::open(&store_folder(&site.options.state_folder), 1).expect("opens");
    keeper.record(1, vec![Event::Drift(drift)]).await.expect("records");
    drop(keeper);

    site.start().await;
    eventually(DEADLINE, "it is listed as closed", || async {
        let drifts = stage.drifts(&site).await;
        ensure(drifts.len() == 1 && drifts[0].closed.is_some(), &format!("{drifts:#?}"))
    })
    .await;
}
