//! Watches over the in-memory cluster, whose pages can fail one by one.

use serde_json::json;

use super::*;
use crate::cluster::memory::{Failure, MemoryCluster, Verb};

/// More than two pages of the twin.
const OBJECTS: usize = 25;

/// Far more than a watch has to say.
const DEADLINE: Duration = Duration::from_secs(30);

fn cluster() -> MemoryCluster {
    let cluster = MemoryCluster::new(3, Arc::new(|| time::OffsetDateTime::UNIX_EPOCH));
    for number in 0..OBJECTS {
        let labels = json!({FLEET_LABEL: "f1"});
        let metadata = json!({"name": format!("map-{number:02}"), "namespace": "default", "labels": labels});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        cluster.as_person("kubectl").create(map).expect("creates");
    }
    cluster
}

struct Following {
    seen: mpsc::Receiver<Seen>,
    _again: watch::Sender<u64>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl Following {
    async fn start(cluster: &MemoryCluster) -> Self {
        let kind = cluster.discover().await.expect("discovers").find("", "ConfigMap").expect("is served").clone();
        let subject = Arc::new(Subject { kind, namespace: None });
        let (sender, seen) = mpsc::channel(1);
        let again = watch::Sender::new(0);
        let task = tokio::spawn(follow(Arc::new(cluster.clone()), subject, sender, again.subscribe(), None, 5));
        Self { seen, _again: again, _task: tokio_util::task::AbortOnDropHandle::new(task) }
    }

    async fn next(&mut self) -> Seen {
        tokio::time::timeout(DEADLINE, self.seen.recv()).await.expect("in time").expect("goes on")
    }

    /// Objects told until something else is; how many, and what it is.
    async fn changes(&mut self) -> (usize, Seen) {
        let mut changes = 0;
        loop {
            match self.next().await {
                Seen::Changed { .. } | Seen::Unchanged { .. } => changes += 1,
                other @ (Seen::Listed { .. } | Seen::Vanished { .. } | Seen::Failed { .. }) => return (changes, other),
            }
        }
    }
}

#[tokio::test]
async fn objects_are_told_one_by_one_and_then_that_these_were_all() {
    let cluster = cluster();
    let mut following = Following::start(&cluster).await;
    let (changes, end) = following.changes().await;
    let Seen::Listed { keys, version, .. } = end else { panic!("{end:?}") };
    assert_eq!((changes, keys.len()), (OBJECTS, OBJECTS));
    assert!(!version.is_empty());

    let person = cluster.as_person("kubectl");
    person.delete(&person.target("ConfigMap", Some("default"), "map-03").expect("a kind")).expect("deletes");
    let (_, vanished) = following.changes().await;
    assert!(
        matches!(&vanished, Seen::Vanished { object, .. } if object["metadata"]["name"] == "map-03"),
        "{vanished:?}"
    );
}

#[tokio::test]
async fn a_listing_that_breaks_after_a_page_is_never_told_as_whole() {
    let cluster = cluster();
    let mut following = Following::start(&cluster).await;
    assert!(matches!(following.next().await, Seen::Changed { .. }), "the first page is on its way");
    cluster.faults(|faults| faults.next = [(Verb::List, (1, Failure::Internal))].into());
    let (_, broken) = following.changes().await;
    assert!(matches!(broken, Seen::Failed { .. }), "{broken:?}");
    let (changes, end) = following.changes().await;
    assert!(matches!(&end, Seen::Listed { keys, .. } if keys.len() == OBJECTS), "{end:?}");
    assert_eq!(changes, OBJECTS, "it begins anew");
}
