//! An agent with a runtime of its own, so that it can be killed: no task of it is asked to finish.

use std::sync::Arc;

use skerry_agent::agent::Agent;
use skerry_hub::hub::system_clock;
use tokio::runtime::{Builder, Runtime};

use super::Site;

/// A runtime that takes its tasks with it, wherever they are.
pub(super) struct Apart(Option<Runtime>);

impl Apart {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self(Some(runtime.expect("a runtime")))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // A test that fails drops it inside another runtime, where waiting is forbidden.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Site {
    /// Starts the agent on a runtime of its own.
    pub(crate) async fn start_apart(&mut self) {
        let apart = Apart::new();
        let (options, cluster) = (self.options.clone(), Arc::new(self.cluster.clone()));
        let start = async move { Agent::start(&options, cluster, system_clock()).await };
        let started = apart.0.as_ref().expect("it was just made").spawn(start);
        self.agent = Some(started.await.expect("no panic").expect("the agent starts"));
        self.apart = Some(apart);
    }

    /// Kills the agent: every task ends where it waits, and what was under way is not finished.
    pub(crate) async fn kill(&mut self) {
        let runtime = self.apart.take().and_then(|mut apart| apart.0.take()).expect("an agent apart");
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(super::DEADLINE));
        ended.await.expect("the runtime ends");
        // The store's thread goes on until its queue is empty; two agents must not share a folder.
        if let Some(agent) = self.agent.take() {
            let _ = agent.targets.missing(Vec::new()).await;
        }
    }

    /// How many requests the cluster has seen from its agent.
    pub(crate) fn requests(&self) -> u64 {
        self.cluster.requests().values().sum()
    }
}
