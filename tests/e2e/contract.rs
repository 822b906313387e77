//! What the agent asks of a cluster is answered alike by the in-memory twin and by a real API server.

use std::sync::Arc;

use skerry_agent::cluster::contract::{hold, same};
use skerry_agent::cluster::kube::{Access, KubeCluster};
use skerry_agent::cluster::memory::MemoryCluster;
use skerry_tests::controlplane::{ControlPlane, ControlPlaneOptions};

async fn real(plane: &ControlPlane) -> KubeCluster {
    skerry_certs::tls::install_provider();
    let access = Access::Kubeconfig { path: plane.kubeconfig().to_owned(), context: None };
    KubeCluster::new(&access).await.expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_holds_the_contract_and_answers_as_the_twin_does() {
    let plane = ControlPlane::start(ControlPlaneOptions::new("contract")).await.expect("a control plane");
    let cluster = real(&plane).await;
    // An API server tells no watch of what was before its own start.
    Box::pin(hold(&cluster, "contract", &|| plane.restart())).await;
    let twin = MemoryCluster::new(1, Arc::new(time::OffsetDateTime::now_utc));
    Box::pin(same(&twin, &cluster, "same")).await;
}
