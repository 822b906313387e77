//! One agent acts per cluster: a second one waits and says so, and takes over when the first gives the lease back.

use serde_json::Value;
use skerry_agent::cluster::Target;

use crate::site::{Site, ensure, map, shop};

fn lease(site: &Site) -> Target {
    site.person().target("Lease", Some("kube-system"), "skerry-agent").expect("a kind")
}

fn holder(site: &Site) -> Value {
    let lease = site.person().read(&lease(site));
    lease.and_then(|lease| lease.pointer("/spec/holderIdentity").cloned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_waits_says_so_and_takes_over() {
    let mut first = Site::running().await;
    first.applies(&[shop(), map("one", "1")]).await;
    let held_by = holder(&first);
    assert!(held_by.as_str().is_some_and(|holder| holder.len() == 16), "{held_by}");

    // Another state folder, the same cluster, another wish.
    let mut second = Site::joined();
    second.cluster = first.cluster.clone();
    second.start().await;
    second.takes(&[shop(), map("one", "2"), map("two", "2")]).await.expect("is taken");
    second
        .until("it says that it waits", |site| {
            let snapshot = site.agent().snapshot.borrow().clone();
            let says = snapshot
                .conditions
                .iter()
                .any(|it| it.kind == "Waiting" && held_by.as_str().is_some_and(|by| it.message.contains(by)));
            ensure(says && snapshot.planned.is_some(), &snapshot)
        })
        .await;
    assert_eq!((second.value("one"), second.read("two")), (Value::from("1"), None), "it only plans");

    first.stop().await;
    second.shows("two", "2").await;
    assert_ne!(holder(&second), held_by);
    second
        .until("it does not wait any more", |site| {
            let snapshot = site.agent().snapshot.borrow().clone();
            ensure(snapshot.conditions.is_empty(), &snapshot)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_at_once_and_a_lease_that_cannot_be_used_stops_nothing() {
    let mut site = Site::running().await;
    site.applies(&[shop(), map("one", "1")]).await;
    let held_by = holder(&site);
    site.stop().await;
    assert_eq!(holder(&site), "", "it is given back");
    site.start().await;
    site.set("kubectl-edit", "one", "by hand");
    site.shows("one", "1").await;
    assert_eq!(holder(&site), held_by, "the same name again");

    let mut nowhere = Site::joined();
    nowhere.options.own_namespace = "no-such-namespace".into();
    nowhere.start().await;
    nowhere.applies(&[shop(), map("one", "1")]).await;
    assert_eq!(nowhere.conditions(), ["Unguarded LeaseUnusable"], "it acts, and says what is amiss");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_lost_its_lease_writes_nothing_until_it_has_it_again() {
    let mut site = Site::running().await;
    site.applies(&[shop(), map("one", "1")]).await;
    let person = site.person();
    let hand_over = |to: &str| {
        let to = Value::from(to);
        person.edit(&lease(&site), |lease: &mut Value| lease["spec"]["holderIdentity"] = to).expect("edits")
    };
    hand_over("somebody else");
    let waits = |site: &Site| {
        let snapshot = site.agent().snapshot.borrow().clone();
        ensure(!snapshot.conditions.is_empty(), &snapshot)
    };
    site.until("it notices with its next renewal", waits).await;
    let writes = site.cluster.writes();
    site.set("kubectl-edit", "one", "by hand");
    let inspects = |site: &Site| {
        let tally = site.agent().snapshot.borrow().tally;
        ensure(tally.inspect == 1, &tally)
    };
    site.until("it sees and plans", inspects).await;
    assert_eq!((site.cluster.writes(), site.value("one")), (writes, Value::from("by hand")));
    hand_over("");
    site.shows("one", "1").await;
}
