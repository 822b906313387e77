//! An agent with a runtime of its own, so that it can be killed: no task of it is asked to finish.

use tokio::runtime::{Builder, Runtime};

use super::{Ground, Site};

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

impl<G: Ground> Site<G> {
    /// Starts the agent on a runtime of its own.
    pub async fn start_apart(&mut self) {
        let apart = Apart::new();
        let (options, cluster) = (self.options.clone(), self.cluster.clone());
        let start = async move { cluster.start(&options).await };
        let started = apart.0.as_ref().expect("it was just made").spawn(start);
        self.agent = Some(started.await.expect("no panic").expect("the agent starts"));
        self.apart = Some(apart);
    }

    /// Kills the agent: every task ends where it waits, and what was under way is not finished.
    pub async fn kill(&mut self) {
        let runtime = self.apart.take().and_then(|mut apart| apart.0.take()).expect("an agent apart");
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(super::DEADLINE));
        ended.await.expect("the runtime ends");
        // The store's thread goes on until its queue is empty; two agents must not share a folder.
        if let Some(agent) = self.agent.take() {
            let _ = agent.targets.missing(Vec::new()).await;
        }
    }
}
