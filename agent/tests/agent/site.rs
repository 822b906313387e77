//! One cluster in memory and its agent, fed by archives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skerry_agent::agent::{Agent, AgentOptions, identity_folder};
use skerry_agent::cluster::Target;
use skerry_agent::cluster::memory::{MemoryCluster, Person};
use skerry_agent::identity::IdentityFolder;
use skerry_agent::store::power_cut::PowerCutDisk;
use skerry_agent::target::TargetError;
use skerry_agent::tasks::keeper::Keeper;
use skerry_certs::tls::WallClock;
use skerry_common::bundle::manifest::Policy;
use skerry_common::bundle::trust::TrustedRoot;
use skerry_common::journal::Event;
use time::OffsetDateTime;

use crate::fleet::Fleet;

/// Wide: effects take milliseconds, but machines may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Everything.
pub(crate) struct Site {
    pub(crate) fleet: Fleet,
    pub(crate) cluster: MemoryCluster,
    pub(crate) options: AgentOptions,
    pub(crate) policy: Policy,
    /// A disk for the store; none: the state folder's.
    pub(crate) disk: Option<PowerCutDisk>,
    agent: Option<Agent>,
    generation: u64,
    _folder: tempfile::TempDir,
}

/// A ConfigMap in the namespace `shop`.
pub(crate) fn map(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"},
        "data": {"value": value},
    })
}

/// The namespace `shop`.
pub(crate) fn shop() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
}

/// A condition as a look's answer; what was seen instead is shown when it never holds.
pub(crate) fn ensure(holds: bool, seen: &impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{seen:#?}")) }
}

impl Site {
    /// An agent that joined and does not run yet; its cluster is empty.
    pub(crate) fn joined() -> Self {
        skerry_certs::tls::install_provider();
        let (fleet, folder) = (Fleet::make(), tempfile::tempdir().expect("a folder"));
        let identity = IdentityFolder::open(&identity_folder(folder.path())).expect("a folder");
        let csr = identity.agent_key().expect("a key").request_der().expect("a request");
        identity.sealing_key().expect("a key");
        let trust = TrustedRoot::stored(fleet.trust.clone()).expect("a trust root");
        identity.store_grant(&fleet.grant(&csr), &trust, OffsetDateTime::now_utc()).expect("stores");
        let options = AgentOptions {
            state_folder: folder.path().to_owned(),
            namespaces: Vec::new(),
            own_namespace: String::new(),
            online: false,
            seed: 7,
        };
        let cluster = MemoryCluster::new(7, Arc::new(OffsetDateTime::now_utc));
        let policy = Policy::default();
        Self { fleet, cluster, options, policy, disk: None, agent: None, generation: 0, _folder: folder }
    }

    /// The same, running.
    pub(crate) async fn running() -> Self {
        let mut site = Self::joined();
        site.start().await;
        site
    }

    /// Starts the agent on what its last life left.
    pub(crate) async fn start(&mut self) {
        let clock = WallClock::new(OffsetDateTime::now_utc);
        let cluster = Arc::new(self.cluster.clone());
        let agent = match &self.disk {
            None => Agent::start(&self.options, cluster, clock).await,
            Some(disk) => {
                let keeper = Keeper::on(disk.clone(), self.options.seed).expect("the store opens");
                Agent::start_with(keeper, &self.options, cluster, clock).await
            }
        };
        self.agent = Some(agent.expect("the agent starts"));
    }

    /// Stops the agent.
    pub(crate) async fn stop(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
    }

    /// The running agent.
    pub(crate) fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("the agent runs")
    }

    /// Makes these objects the next bundle, and waits until it is applied.
    pub(crate) async fn applies(&mut self, objects: &[Value]) {
        self.takes(objects).await.expect("is taken");
        self.until("the bundle is applied", |site| site.is_applied()).await;
    }

    /// Makes these objects the next bundle.
    pub(crate) async fn takes(&mut self, objects: &[Value]) -> Result<(), TargetError> {
        self.generation += 1;
        let archive = self.fleet.archive(self.generation, &self.policy, objects, &self.fleet.bundle_key);
        self.agent().targets.import(archive).await.map(|_| ())
    }

    /// The generation that comes next.
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation + 1
    }

    /// Whether the bundle in force is applied whole.
    pub(crate) fn is_applied(&self) -> Result<(), String> {
        let snapshot = self.agent().snapshot.borrow().clone();
        let target = self.agent().targets.current().map(|bundle| bundle.mark());
        ensure(target.is_some() && snapshot.applied == target, &snapshot)
    }

    /// Waits until a look at the site satisfies.
    pub(crate) async fn until(&self, what: &str, look: impl Fn(&Self) -> Result<(), String>) {
        let begun = Instant::now();
        loop {
            match look(self) {
                Ok(()) => return,
                Err(seen) => assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}; {seen}"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a setting has a value; null when it is gone.
    pub(crate) async fn shows(&self, name: &str, value: impl Into<Value>) {
        let wanted = value.into();
        let look = |site: &Self| ensure(site.value(name) == wanted, &site.value(name));
        self.until(&format!("{name} is {wanted}"), look).await;
    }

    /// The value of a setting.
    pub(crate) fn value(&self, name: &str) -> Value {
        self.read(name).and_then(|object| object.pointer("/data/value").cloned()).unwrap_or_default()
    }

    /// The agent's conditions, as `TYPE REASON`.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let snapshot = self.agent().snapshot.borrow().clone();
        snapshot.conditions.iter().map(|it| format!("{} {}", it.kind, it.reason)).collect()
    }

    /// A setting.
    pub(crate) fn read(&self, name: &str) -> Option<Value> {
        self.person().read(&self.target(name))
    }

    /// The address of a setting.
    pub(crate) fn target(&self, name: &str) -> Target {
        self.person().target("ConfigMap", Some("shop"), name).expect("a kind that is served")
    }

    /// A person with kubectl.
    pub(crate) fn person(&self) -> Person {
        self.cluster.as_person("kubectl-edit")
    }

    /// Somebody sets a setting.
    pub(crate) fn set(&self, manager: &str, name: &str, value: &str) {
        let edit = |object: &mut Value| object["data"]["value"] = json!(value);
        self.cluster.as_person(manager).edit(&self.target(name), edit).expect("edits");
    }

    /// What the agent journalled, oldest first.
    pub(crate) async fn journal(&self) -> Vec<Event> {
        let read = self
            .agent()
            .keeper
            .call(|store| store.unacknowledged().map(|entry| entry.event.clone()).collect::<Vec<_>>());
        read.await.expect("reads")
    }

    /// Waits until the journal satisfies.
    pub(crate) async fn journals(&self, what: &str, look: impl Fn(&[Event]) -> bool) {
        let begun = Instant::now();
        loop {
            let journal = self.journal().await;
            if look(&journal) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}; {journal:#?}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
