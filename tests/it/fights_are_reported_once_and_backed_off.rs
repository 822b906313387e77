//! A field that somebody sets again and again is fought over with pauses, and told once (DESIGN §4.12).

use serde_json::{Value, json};
use skerry_common::journal::Event;
use skerry_tests::wait::stays;

use crate::stage::{Stage, WATCHED, ensure};

/// Retakes after which it is a fight.
const RETAKES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_field_retaken_five_times_is_a_fight_told_once() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    let robot = site.cluster.as_person("robot");
    let set = |value: &str| {
        let value = json!(value);
        robot
            .edit(&site.target("ConfigMap", "one"), |object: &mut Value| object["data"]["value"] = value)
            .expect("edits")
    };
    for round in 0..RETAKES {
        set(&format!("round {round}"));
        site.shows("ConfigMap", "one", "/data/value", "1").await;
    }
    let fights = stage.hears(&site, "a fight", |event| matches!(event, Event::Fight { .. })).await;
    let Event::Fight { object, field, manager } = &fights[0] else { unreachable!("only fights were asked for") };
    assert_eq!((object.name.as_str(), field.as_str(), manager.as_str()), ("one", "/data/value", "robot"));

    set("the last word, for now");
    stays(WATCHED, "healing pauses", || {
        let value = site.field("ConfigMap", "one", "/data/value");
        std::future::ready(ensure(value == "the last word, for now", &value))
    })
    .await;
    // Other objects are healed all the while.
    site.person().delete(&site.target("ConfigMap", "two")).expect("deletes");
    site.shows("ConfigMap", "two", "/data/value", "2").await;
    let journal = stage.journal(&site).await;
    assert_eq!(journal.iter().filter(|event| matches!(event, Event::Fight { .. })).count(), 1, "{journal:#?}");
}
