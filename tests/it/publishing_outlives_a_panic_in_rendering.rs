//! A mistake of ours in a render costs the cluster that has it a bundle, is told, and costs nobody else anything.

use std::sync::Arc;

use skerry_common::id::ClusterId;
use skerry_hub::store::memory::MemoryStore;
use skerry_hub::store::{BundleStore as _, JournalStore as _, Position, journal};
use skerry_render::{Allowed, ChartError, ChartRenderer, ChartRequest, ChartSource};

use crate::paper::{PaperFleet, cluster_name};

/// A renderer of charts that breaks a rule of its own.
#[derive(Debug)]
struct Broken;

impl ChartRenderer for Broken {
    fn pull(&self, _: &ChartSource) -> Result<Vec<(String, Vec<u8>)>, ChartError> {
        panic!("a rule was broken")
    }

    fn template(&self, _: &ChartRequest) -> Result<Vec<u8>, ChartError> {
        panic!("a rule was broken")
    }
}

const SOUND: &str = "configMapGenerator: [{name: own, literals: [v=1]}]\n";

async fn generation(fleet: &PaperFleet<MemoryStore>, number: usize) -> u64 {
    let cluster = ClusterId::parse(&format!("c{number:05}")).expect("an id");
    let newest = fleet.store.newest(&cluster).await.expect("reads");
    newest.map_or(0, |root| root.place.generation.0)
}

async fn failures(fleet: &PaperFleet<MemoryStore>) -> Vec<String> {
    let range = journal::Range::After(Position::default());
    let query = journal::EventQuery { cluster: None, range, limit: 1_000 };
    let events = fleet.store.events(&query).await.expect("reads");
    let failed = |what| {
        let journal::What::Hub(journal::HubEvent::RenderFailed { message, .. }) = what else { return None };
        Some(message)
    };
    events.into_iter().filter_map(|event| failed(event.what)).collect()
}

#[tokio::test]
async fn the_next_cluster_gets_its_bundle_and_the_same_one_once_it_can() {
    let mut fleet = PaperFleet::of(3, MemoryStore::new()).await;
    let workshop = fleet.publisher.workshop.take().expect("nobody has it");
    let allowed = Allowed { charts: Some(Arc::new(Broken)), ..Allowed::default() };
    fleet.publisher.workshop = Some(workshop.allowing(allowed));
    let own = |number| format!("overlays/{}/kustomization.yaml", cluster_name(number));
    fleet.work.write("shared/kustomization.yaml", "configMapGenerator: [{name: all, literals: [v=1]}]\n");
    for number in [0, 2] {
        fleet.work.write(&own(number), SOUND);
    }
    fleet.work.write(&own(1), "helmCharts: [{name: web, repo: 'https://charts.example', version: 1.0.0}]\n");
    fleet.push();
    for _ in 0..2 {
        fleet.publish().await;
        let generations = [generation(&fleet, 0).await, generation(&fleet, 1).await, generation(&fleet, 2).await];
        assert_eq!(generations, [1, 0, 1]);
    }
    let told = failures(&fleet).await;
    assert!(matches!(told.as_slice(), [one] if one.contains("SK0900") && one.contains("`o1`")), "{told:?}");

    fleet.work.write(&own(1), SOUND);
    fleet.push();
    fleet.publish().await;
    assert_eq!([generation(&fleet, 0).await, generation(&fleet, 1).await], [2, 1]);
}
