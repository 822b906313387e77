//! Ten thousand clusters in the store of a hub, and an operator's first questions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skerry_common::id::{ApplicationName, ClusterId, ClusterName};
use skerry_common::report::ApplicationReport;
use skerry_common::status::{Health, HealthCounts, Sync};
use skerry_hub::store::clusters::{Heard, NewCluster, Says};
use skerry_hub::store::sqlite::SqliteStore;
use skerry_hub::store::states::{Scope, StateUpdate};
use skerry_hub::store::{ClusterStore as _, StateStore as _};
use skerry_tests::programs::{Operator, free_tcp_address};
use skerry_tests::stage::{Stage, free_address};
use skerry_tests::wait::eventually;

use crate::{DEADLINE, Figure};

const CLUSTERS: usize = 10_000;

/// How often each question is asked; the median counts.
const ROUNDS: usize = 9;

pub(crate) const NAMES: [&str; 2] = ["status-10000", "get-clusters-10000"];

pub(crate) async fn measure() -> Vec<Figure> {
    eprintln!("{CLUSTERS} clusters …");
    let (link, api) = (free_address(), free_tcp_address());
    let stage = Stage::bare(link, link).await;
    stage.declare("false", "{}");
    stage.namespace("shop");
    stage.work.commit_and_push("first");
    fill(&stage).await;
    let (_hub, operator) = (stage.serve(api), stage.operator(api));
    eventually(DEADLINE, "the hub answers", || async { operator.prints(&["status"]).map(drop) }).await;
    let page = operator.list(&["clusters", "--limit", "100"]).expect("lists");
    assert_eq!(page.len(), 100);
    vec![
        Figure::milliseconds(NAMES[0], median(&operator, &["status"])),
        Figure::milliseconds(NAMES[1], median(&operator, &["get", "clusters", "--limit", "100"])),
    ]
}

/// What the whole command takes, its process and its handshake too.
fn median(operator: &Operator, arguments: &[&str]) -> Duration {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            operator.prints(arguments).expect("answers");
            began.elapsed()
        })
        .collect();
    took.sort();
    took[ROUNDS / 2]
}

async fn fill(stage: &Stage) {
    let store = SqliteStore::open(&stage.hub_folder().join("data/hub.db")).await.expect("the store");
    let now = i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).expect("a date");
    let mut updates = Vec::with_capacity(CLUSTERS);
    for number in 0..CLUSTERS {
        let id = ClusterId::parse(&format!("c{number:05}")).expect("an id");
        let name = ClusterName::parse(&format!("edge-{number:05}")).expect("a name");
        let labels = BTreeMap::from([("env".to_owned(), "far".to_owned())]);
        let cluster = NewCluster { id: id.clone(), name, labels, variables: BTreeMap::new(), created_unix_ms: now };
        store.register(cluster, None).await.expect("registers");
        updates.push(state(id, now));
    }
    let heard = |cluster: &ClusterId| Heard { cluster: cluster.clone(), at_unix_ms: now, says: Says::Unchanged };
    let contacts: Vec<_> = updates.iter().map(|update| heard(&update.cluster)).collect();
    store.put_states(updates).await.expect("stores");
    store.touch(&contacts).await.expect("stores");
}

fn state(cluster: ClusterId, now: i64) -> StateUpdate {
    let report = ApplicationReport {
        application: ApplicationName::parse("web").expect("a name"),
        sync: Sync::Current,
        reason: String::new(),
        health: Health::Healthy,
        counts: HealthCounts { healthy: 100, ..HealthCounts::default() },
        drift: 0,
        objects: Vec::new(),
        age_ms: 0,
    };
    StateUpdate {
        cluster,
        received_unix_ms: now,
        scope: Scope::Full,
        current: None,
        applied: None,
        applications: vec![report],
        removed: Vec::new(),
        conditions: Vec::new(),
        held_prunes: Vec::new(),
    }
}
