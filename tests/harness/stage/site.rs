//! One cluster and its agent.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use skerry_agent::agent::{Agent, AgentError, AgentOptions};
use skerry_agent::cluster::Target;
use skerry_agent::cluster::kube::{Access, KubeCluster};
use skerry_agent::cluster::memory::{MemoryCluster, Person, Verb};
use skerry_common::id::ClusterName;
use skerry_hub::hub::system_clock;

use super::apart::Apart;
use super::{DEADLINE, ensure};
use crate::wait::eventually;

/// An agent that is being started.
pub type Starting<'a> = Pin<Box<dyn Future<Output = Result<Agent, AgentError>> + Send + 'a>>;

/// What an agent can be started on.
///
/// The future is boxed, so that an agent on each kind of cluster is compiled once, here.
pub trait Ground: Clone + Send + Sync + 'static {
    /// Starts an agent that knows nothing of earlier connections.
    fn start<'a>(&'a self, options: &'a AgentOptions) -> Starting<'a>;
}

impl Ground for MemoryCluster {
    fn start<'a>(&'a self, options: &'a AgentOptions) -> Starting<'a> {
        Box::pin(Agent::start(options, Arc::new(self.clone()), system_clock()))
    }
}

impl Ground for Access {
    fn start<'a>(&'a self, options: &'a AgentOptions) -> Starting<'a> {
        Box::pin(async move {
            let cluster = KubeCluster::new(self).await.expect("a client");
            Agent::start(options, Arc::new(cluster), system_clock()).await
        })
    }
}

/// One cluster with its agent.
pub struct Site<G = MemoryCluster> {
    /// Its name in the fleet.
    pub name: ClusterName,
    /// The cluster, or how it is reached.
    pub cluster: G,
    /// How the agent is started.
    pub options: AgentOptions,
    pub(super) agent: Option<Agent>,
    pub(super) apart: Option<Apart>,
}

pub(super) fn parse(name: &str) -> ClusterName {
    ClusterName::parse(name).expect("a name")
}

fn seed(name: &str) -> u64 {
    name.bytes().fold(7, |seed: u64, byte| skerry_common::backoff::splitmix(seed ^ u64::from(byte)))
}

/// A cluster that nobody has touched.
pub(super) fn memory(name: &str) -> MemoryCluster {
    MemoryCluster::new(seed(name), Arc::new(time::OffsetDateTime::now_utc))
}

impl<G: Ground> Site<G> {
    /// A cluster and an agent that does not run yet.
    pub fn on(name: &str, state_folder: PathBuf, cluster: G) -> Self {
        let (namespaces, own_namespace) = (Vec::new(), String::new());
        let options = AgentOptions { state_folder, namespaces, own_namespace, online: true, seed: seed(name) };
        Self { name: parse(name), cluster, options, agent: None, apart: None }
    }

    /// Starts the agent on what its last life left.
    pub async fn start(&mut self) {
        self.agent = Some(self.cluster.start(&self.options).await.expect("the agent starts"));
    }

    /// Stops the agent.
    pub async fn stop(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.stop().await;
        }
    }

    /// The running agent.
    pub fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("the agent runs")
    }

    /// The generation that the last plan was made for; 0 when there is none.
    pub fn generation(&self) -> u64 {
        self.agent().snapshot.borrow().current.map_or(0, |mark| mark.place.generation.0)
    }

    /// Whether the bundle in force is applied whole.
    pub fn is_applied(&self) -> Result<(), String> {
        let snapshot = self.agent().snapshot.borrow().clone();
        let target = self.agent().targets.current().map(|bundle| bundle.mark());
        ensure(target.is_some() && snapshot.applied == target, &format!("{snapshot:#?}"))
    }

    /// Waits until the agent's bundle was made from a commit, and the agent has planned for it.
    pub async fn takes_up(&self, commit: &str) {
        self.until(&format!("commit {commit} arrives"), |site| {
            let bundle = site.agent().targets.current().ok_or("no bundle yet")?;
            let commits: Vec<String> =
                bundle.root().root().sources.iter().map(|source| source.commit.to_string()).collect();
            ensure(commits.iter().all(|it| it == commit) && !commits.is_empty(), &commits.join(" "))?;
            let planned = site.agent().snapshot.borrow().current;
            ensure(planned == Some(bundle.mark()), &format!("{planned:?}"))
        })
        .await;
    }

    /// Waits until a commit is applied whole.
    pub async fn applies(&self, commit: &str) {
        self.takes_up(commit).await;
        self.until(&format!("commit {commit} is applied"), Self::is_applied).await;
    }

    /// Waits until a look at the site satisfies.
    pub async fn until(&self, what: &str, look: impl Fn(&Self) -> Result<(), String>) {
        eventually(DEADLINE, what, || std::future::ready(look(self))).await;
    }
}

impl Site {
    /// An in-memory cluster that nobody has touched.
    pub fn new(name: &str, state_folder: PathBuf) -> Self {
        Self::on(name, state_folder, memory(name))
    }

    /// How often kinds were listed.
    pub fn lists(&self) -> u64 {
        self.cluster.requests().get(&Verb::List).copied().unwrap_or_default()
    }

    /// How many requests the cluster has seen from its agent.
    pub fn requests(&self) -> u64 {
        self.cluster.requests().values().sum()
    }

    /// A person with kubectl.
    pub fn person(&self) -> Person {
        self.cluster.as_person("kubectl-edit")
    }

    /// The address of an object in the namespace `shop`.
    pub fn target(&self, kind: &str, name: &str) -> Target {
        self.person().target(kind, Some("shop"), name).expect("a kind that is served")
    }

    /// An object in the namespace `shop`.
    pub fn read(&self, kind: &str, name: &str) -> Option<Value> {
        self.person().read(&self.target(kind, name))
    }

    /// A value of an object in the namespace `shop`; null when there is none.
    pub fn field(&self, kind: &str, name: &str, pointer: &str) -> Value {
        self.read(kind, name).and_then(|object| object.pointer(pointer).cloned()).unwrap_or_default()
    }

    /// Waits until a value of an object in the namespace `shop` is this one; null when there is none.
    pub async fn shows(&self, kind: &str, name: &str, pointer: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        let what = format!("{kind} {name} {pointer} = {wanted}");
        self.until(&what, |site| {
            let found = site.field(kind, name, pointer);
            ensure(found == wanted, &found)
        })
        .await;
    }
}
