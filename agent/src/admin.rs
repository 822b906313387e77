//! The admin server: health, metrics and status of a running agent, on an address of the machine's own choice.
//!
//! ```text
//! /healthz   200 while the process serves
//! /readyz    200 when the store is open and a first plan was made, or there is no bundle to plan
//! /metrics   Prometheus text
//! /status    JSON, see StatusDocument
//! /diff      JSON, see PlanDocument
//! /drift     JSON, a list of DriftLine
//! ```
//! It only reads, and holds no secret; nothing can be changed through it. Where it listens is noted in the state
//! folder, so that `skerry-agent status` finds it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http_body_util::{BodyExt as _, Empty, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skerry_agent_core::accept::Me;
use skerry_agent_core::plan::{Decision, Plan, Planned};
use skerry_common::error_chain::Chain;
use skerry_common::id::{ClusterId, ClusterName, FleetId};
use skerry_common::report::{ApplicationReport, BundleMark, Condition, HeldPrune};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::agent::Agent;
use crate::snapshot::Snapshot;
use crate::store::disk::{self, Disk as _, FolderDisk};
use crate::target::Targets;
use crate::tasks::keeper::Keeper;

mod drift;
mod metrics;

pub use drift::{DriftLine, drifts};

/// The file that holds the address.
const ADDRESS_FILE: &str = "admin.address";

/// Longest address, in bytes.
const ADDRESS_BYTES_MAX: u64 = 128;

/// Largest status that is read, in bytes: as many applications as a bundle may have, a screenful each.
const STATUS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long the agent on the same machine may take to answer.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDocument {
    /// The fleet.
    pub fleet: FleetId,
    /// The cluster's id.
    pub cluster: ClusterId,
    /// The cluster's name.
    pub name: ClusterName,
    /// Whether an agent runs; otherwise this is what its store says.
    pub running: bool,
    /// Whether a hub session is up.
    pub connected: bool,
    /// Journal entries that the hub has not acknowledged.
    pub journal_backlog: usize,
    /// Managed objects.
    pub objects: usize,
    /// The bundle in force.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// How its applications fare; empty when no agent runs.
    pub applications: Vec<ApplicationReport>,
    /// Conditions of the agent itself.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held: Vec<HeldPrune>,
}

/// What the agent last planned and is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// The bundle that the plan reaches.
    pub target: BundleMark,
    /// Every object of which something is to be done, or refused, with the reason; objects that are kept are left out.
    pub objects: Vec<Planned>,
}

impl PlanDocument {
    fn of(plan: &Plan) -> Self {
        let differs = |object: &&Planned| object.decision != Decision::Keep;
        Self { target: plan.target, objects: plan.objects.iter().filter(differs).cloned().collect() }
    }
}

/// What the server reads from.
#[derive(Clone)]
pub struct Admin {
    me: Me,
    name: ClusterName,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    plans: watch::Receiver<Option<Arc<Plan>>>,
    connected: watch::Receiver<bool>,
    targets: Targets,
    keeper: Keeper,
}

impl Admin {
    /// Reads from this agent.
    pub fn of(agent: &Agent) -> Self {
        Self {
            me: agent.me.clone(),
            name: agent.name.clone(),
            snapshot: agent.snapshot.clone(),
            plans: agent.plans.clone(),
            connected: agent.connected.clone(),
            targets: agent.targets.clone(),
            keeper: agent.keeper.clone(),
        }
    }

    /// What the agent says of itself.
    pub async fn status(&self) -> Result<StatusDocument, crate::tasks::keeper::KeeperError> {
        let (head, journal_backlog) = self.keeper.call(|store| (*store.head(), store.unacknowledged().count())).await?;
        let snapshot = self.snapshot.borrow().clone();
        let counted = snapshot.applications.iter().map(|application| application.counts.total() as usize);
        Ok(StatusDocument {
            fleet: self.me.fleet.clone(),
            cluster: self.me.cluster.clone(),
            name: self.name.clone(),
            running: true,
            connected: *self.connected.borrow(),
            journal_backlog,
            objects: counted.sum(),
            current: self.targets.current().map(|bundle| bundle.mark()),
            applied: head.last_good.map(|root| root.mark),
            applications: snapshot.applications.clone(),
            conditions: snapshot.conditions.clone(),
            held: snapshot.held.clone(),
        })
    }

    /// Ready: the store answers, and a plan was made since the start – if there is anything to plan.
    async fn is_ready(&self) -> bool {
        let store = self.keeper.call(|_| ()).await.is_ok();
        let target = self.targets.current().map(|bundle| bundle.mark());
        store && (target.is_none() || self.snapshot.borrow().planned.is_some())
    }
}

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        info!(%address, "the admin server listens");
    }
    let served = axum::serve(listener, router(admin)).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        warn!(error = %Chain(&error), "the admin server ended");
    }
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/status", get(status_json))
        .route("/diff", get(diff_json))
        .route("/drift", get(drift_json))
        .with_state(admin)
}

async fn readyz(State(admin): State<Admin>) -> Response {
    if admin.is_ready().await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the bundle in force is not planned yet\n").into_response()
    }
}

async fn metrics_text(State(admin): State<Admin>) -> Response {
    match admin.status().await {
        Ok(status) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&status)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", Chain(&error))).into_response(),
    }
}

async fn status_json(State(admin): State<Admin>) -> Response {
    match admin.status().await {
        Ok(status) => axum::Json(status).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", Chain(&error))).into_response(),
    }
}

async fn diff_json(State(admin): State<Admin>) -> Response {
    let plan = admin.plans.borrow().clone();
    match plan {
        Some(plan) => axum::Json(PlanDocument::of(&plan)).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "nothing is planned yet\n").into_response(),
    }
}

async fn drift_json(State(admin): State<Admin>) -> Response {
    match admin.keeper.call(|store| drifts(store.unacknowledged())).await {
        Ok(drifts) => axum::Json(drifts).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", Chain(&error))).into_response(),
    }
}

/// Notes where the server listens.
pub fn remember_address(state: &Path, address: SocketAddr) -> io::Result<()> {
    disk::replace(&FolderDisk::open(state)?, ADDRESS_FILE, address.to_string().as_bytes())
}

/// Forgets it; a stale note does no harm.
pub fn forget_address(state: &Path) {
    if let Ok(disk) = FolderDisk::open(state) {
        // Nobody relies on it: the lock says whether an agent runs.
        let _ = disk.remove(ADDRESS_FILE);
    }
}

/// Asks the agent that runs on a state folder for one of its documents.
pub async fn ask<T: DeserializeOwned>(state: &Path, path: &str) -> io::Result<T> {
    let bytes = FolderDisk::open(state)?.read(ADDRESS_FILE, ADDRESS_BYTES_MAX)?;
    let bytes = bytes.ok_or_else(|| io::Error::other("it serves no admin address"))?;
    let address: SocketAddr = String::from_utf8_lossy(&bytes).parse().map_err(io::Error::other)?;
    let uri: http::Uri = format!("http://{}{path}", reachable(address)).parse().map_err(io::Error::other)?;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Empty<axum::body::Bytes>>();
    let exchange = async {
        let response = client.get(uri).await.map_err(io::Error::other)?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Err(io::Error::other("it does not know yet"));
        }
        let body = Limited::new(response.into_body(), STATUS_BYTES_MAX).collect().await.map_err(io::Error::other)?;
        serde_json::from_slice(&body.to_bytes()).map_err(io::Error::other)
    };
    tokio::time::timeout(STATUS_TIMEOUT, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// «Any address» is reached on the machine itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (std::net::Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        SocketAddr::V4(_) | SocketAddr::V6(_) => address,
    }
}
