//! A disk that takes no writes: the agent says so, heals what is in force and takes nothing newer; when there is room
//! again it goes on, and nothing that happened meanwhile is lost.

use skerry_agent::admin::Admin;
use skerry_agent::store::power_cut::{PowerCutDisk, Unsynced};
use skerry_agent::target::TargetError;
use skerry_common::journal::{DriftOutcome, Event};

use crate::site::{Site, ensure, map, shop};

/// A running agent whose store is on a disk that can be filled.
async fn on_a_disk() -> (Site, PowerCutDisk) {
    let disk = PowerCutDisk::default();
    let mut site = Site::joined();
    site.disk = Some(disk.clone());
    site.start().await;
    (site, disk)
}

async fn says(site: &Site, conditions: &[&str]) {
    let look = |site: &Site| ensure(site.conditions() == conditions, &site.conditions());
    site.until(&format!("it says {conditions:?}"), look).await;
}

/// How many entries a hub could be told.
async fn deliverable(site: &Site) -> usize {
    site.agent().keeper.call(|store| store.deliverable().count()).await.expect("answers")
}

fn healed(journal: &[Event]) -> usize {
    let is_healed = |event: &&Event| matches!(event, Event::DriftClosed { outcome: DriftOutcome::Healed, .. });
    journal.iter().filter(is_healed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_and_told_when_there_is_room_again() {
    let (mut site, disk) = on_a_disk().await;
    site.applies(&[shop(), map("one", "1")]).await;
    let told = deliverable(&site).await;
    disk.set_bytes_free(Some(100));
    for value in ["by hand", "again", "and again"] {
        site.set("kubectl-edit", "one", value);
        site.shows("one", "1").await;
    }
    site.journals("three drifts are healed", |journal| healed(journal) == 3).await;
    says(&site, &["StoreFailing DiskFull"]).await;
    let status = Admin::of(site.agent()).status().await.expect("answers");
    assert!(status.conditions.iter().any(|it| it.message.contains("journal")), "{:?}", status.conditions);
    assert_eq!(deliverable(&site).await, told, "no hub is told of what a restart would forget");

    // A newer bundle is not taken, and nothing is half taken.
    let refused = site.takes(&[shop(), map("one", "2"), map("two", "2")]).await;
    assert!(matches!(&refused, Err(error @ TargetError::Store(_)) if !error.is_refusal()), "{refused:?}");
    site.set("kubectl-edit", "one", "once more");
    site.shows("one", "1").await;
    assert_eq!(site.read("two"), None);

    disk.set_bytes_free(None);
    says(&site, &[]).await;
    site.applies(&[shop(), map("one", "3"), map("two", "3")]).await;
    site.journals("all four are healed", |journal| healed(journal) == 4).await;
    let journal = site.journal().await;
    assert_eq!(deliverable(&site).await, journal.len(), "all of it is durable");
    site.stop().await;
    site.disk = Some(disk.after_cut(Unsynced::Lost));
    site.start().await;
    assert_eq!(site.journal().await[..journal.len()], journal[..], "and survives");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_starts_on_a_full_disk_and_heals() {
    let (mut site, disk) = on_a_disk().await;
    site.applies(&[shop(), map("one", "1")]).await;
    site.stop().await;
    disk.set_bytes_free(Some(0));
    site.person().delete(&site.target("one")).expect("deletes");
    site.start().await;
    site.shows("one", "1").await;
    says(&site, &["StoreFailing DiskFull"]).await;
    disk.set_bytes_free(None);
    says(&site, &[]).await;
}

/// Whatever is written last: what was not remembered is not done, so that everything that is done can be undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_while_a_bundle_arrives_orphans_nothing() {
    for free in (0..6_000_usize).step_by(500) {
        let (mut site, disk) = on_a_disk().await;
        site.applies(&[shop(), map("one", "1")]).await;
        disk.set_bytes_free(Some(free));
        let taken = site.takes(&[shop(), map("one", "2"), map("two", "2")]).await.is_ok();
        site.set("kubectl-edit", "one", "by hand");
        site.shows("one", if taken { "2" } else { "1" }).await;
        let durable = disk.after_cut(Unsynced::Lost);
        // The machine loses its power here, or there is room again.
        if free.is_multiple_of(1_000) {
            site.stop().await;
            site.disk = Some(durable);
            site.start().await;
        } else {
            disk.set_bytes_free(None);
            says(&site, &[]).await;
        }
        site.applies(&[shop(), map("one", "3"), map("two", "3")]).await;
        site.applies(&[shop(), map("one", "4")]).await;
        assert_eq!((site.read("two"), site.value("one")), (None, "4".into()), "{free} bytes were free");
        site.stop().await;
    }
}
