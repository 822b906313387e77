//! A commit that would delete most of an application waits for a person (DESIGN §4.10).

use skerry_agent::cluster::memory::Verb;
use skerry_common::journal::Event;
use skerry_common::status::Sync;
use skerry_hub::api::HubControl as _;
use skerry_hub::store::StateStore as _;
use skerry_tests::wait::eventually;

use crate::stage::{DEADLINE, Stage, ensure};

const MANY: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn most_of_an_application_is_only_deleted_when_a_person_confirms() {
    let stage = Stage::build().await;
    for number in 0..MANY {
        stage.settings(&format!("many-{number}"), "x");
    }
    stage.push("many").await;
    let site = stage.settled("one").await;
    let deletes = || site.cluster.requests().get(&Verb::Delete).copied().unwrap_or_default();

    for number in 0..MANY {
        stage.work.remove(&format!("apps/many-{number}.yaml"));
    }
    let commit = stage.push("none of the many").await;
    site.takes_up(&commit).await;
    site.until("the deletion is held", |site| {
        let held = site.agent().snapshot.borrow().held.clone();
        ensure(held.len() == 1 && held[0].objects == 12, &format!("{held:?}"))
    })
    .await;
    let held = stage.hears(&site, "the hub hears of it", |event| matches!(event, Event::PruneHeld { .. })).await;
    assert_eq!(held.len(), 1);
    assert_eq!(deletes(), 0);
    assert!(site.read("ConfigMap", "many-0").is_some());

    // The hub knows what is held, and says so; only then can it be confirmed.
    eventually(DEADLINE, "the hub shows it as held", || async {
        let state = stage.hub().store.state(&stage.record(&site).await.id).await.map_err(|error| error.to_string())?;
        let state = state.ok_or("nothing yet")?;
        ensure(state.sync == Sync::Held && state.held_prunes.len() == 1, &format!("{state:?}"))
    })
    .await;
    let confirmed = stage.hub().control.confirm_prune(&site.name, None).await.expect("confirms");
    assert_eq!(confirmed.len(), 1);
    site.until("all are gone", |site| ensure(site.read("ConfigMap", "many-0").is_none(), &"it is there")).await;
    site.until("it is applied", super::stage::Site::is_applied).await;
    assert_eq!(deletes(), 12);
    assert!(site.read("ConfigMap", "one").is_some());
}
