//! Keeps the Lease by which one agent acts per cluster; what to do with it is the core's to say
//! ([`skerry_agent_core::lease`]).
//!
//! Where the lease cannot be used – no right to it, no such namespace – the agent acts all the same and says so: a
//! cluster that is kept is worth more than a guard against a second agent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skerry_agent_core::lease::{DURATION, HOLD, Next, RENEW_INTERVAL, Record, Tenure};
use skerry_certs::tls::WallClock;
use skerry_common::error_chain::Chain;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cluster::{ApiKind, Apply, ApplyMode, Cluster, ClusterError, Conflict, Detail, Force, Target};

/// The lease's name.
const NAME: &str = "skerry-agent";

/// Where it lies when the agent has no namespace of its own.
const DEFAULT_NAMESPACE: &str = "kube-system";

/// How soon it is tried again while it is not held.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// How soon a lease that cannot be used is tried again.
const UNUSABLE_INTERVAL: Duration = Duration::from_secs(60);

/// How long giving it back may hold up the end of the process.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// The field manager of renewals.
const MANAGER: &str = "skerry-lease";

/// Whether this agent may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not known yet, or lost.
    Unknown,
    /// Until then.
    Held {
        /// Then it must have been renewed.
        until: Instant,
    },
    /// Another agent acts.
    Waits {
        /// Which.
        holder: String,
    },
    /// There is no lease that could be used here: it acts without one.
    Without {
        /// Why.
        why: String,
    },
}

impl Standing {
    /// Whether the agent may write to the cluster now.
    pub fn acts(&self, now: Instant) -> bool {
        match self {
            Self::Held { until } => now < *until,
            Self::Without { .. } => true,
            Self::Unknown | Self::Waits { .. } => false,
        }
    }
}

/// What keeps a lease.
pub struct LeaseKeeper<C: Cluster> {
    /// The API server.
    pub cluster: Arc<C>,
    /// The agent's own namespace; may be empty.
    pub namespace: String,
    /// Who asks: one name per state folder.
    pub me: String,
    /// The time that is written into it, for people.
    pub clock: WallClock,
}

impl<C: Cluster> LeaseKeeper<C> {
    /// Takes and renews it until told to stop, then gives it back.
    pub async fn run(self, told: watch::Sender<Standing>, stop: CancellationToken) {
        let target = self.target();
        let mut tenure = Tenure::new(self.me.clone());
        // The version that we wrote last: a renewal needs no look.
        let mut ours: Option<String> = None;
        loop {
            let asked = Instant::now();
            let pause = match self.attempt(&target, &mut tenure, &mut ours).await {
                Ok(None) => {
                    tell(&told, Standing::Held { until: asked + HOLD });
                    RENEW_INTERVAL
                }
                Ok(Some(holder)) => {
                    tell(&told, Standing::Waits { holder });
                    RETRY_INTERVAL
                }
                Err(error @ (ClusterError::Forbidden { .. } | ClusterError::NotFound { .. })) => {
                    tell(&told, Standing::Without { why: Chain(&error).to_string() });
                    UNUSABLE_INTERVAL
                }
                Err(error) => {
                    let lost = matches!(*told.borrow(), Standing::Held { until } if until <= Instant::now());
                    if lost {
                        warn!(lease = %target, error = %Chain(&error), "the lease is lost");
                        tell(&told, Standing::Unknown);
                    }
                    ours = None;
                    RETRY_INTERVAL
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Some(version) = ours {
            // In vain or not: nobody waits for it longer than it lasts.
            let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.write(&target, &version, "")).await;
        }
    }

    /// One step towards holding it; gives who holds it otherwise.
    async fn attempt(
        &self,
        target: &Target,
        tenure: &mut Tenure,
        ours: &mut Option<String>,
    ) -> Result<Option<String>, ClusterError> {
        let next = match ours.take() {
            Some(version) => Next::Take { version },
            None => {
                let found = self.cluster.get(target, Detail::Whole).await?;
                tenure.look(Instant::now(), found.as_ref().map(read))
            }
        };
        let written = match next {
            Next::Create => self.create(target).await,
            Next::Take { version } => self.write(target, &version, &self.me).await,
            Next::Wait { holder } => return Ok(Some(holder)),
        };
        match written {
            Ok(lease) => {
                *ours = Some(read(&lease).version);
                Ok(None)
            }
            // Somebody was quicker: the next look tells who.
            Err(ClusterError::Conflict(Conflict::Fields(_) | Conflict::Test(_) | Conflict::Changed(_))) => {
                let found = self.cluster.get(target, Detail::Whole).await?;
                Ok(Some(found.as_ref().map(read).map(|record| record.holder).unwrap_or_default()))
            }
            Err(error) => Err(error),
        }
    }

    fn target(&self) -> Target {
        let kind = ApiKind {
            group: "coordination.k8s.io".into(),
            version: "v1".into(),
            kind: "Lease".into(),
            plural: "leases".into(),
            namespaced: true,
        };
        Target { kind, namespace: Some(namespace(&self.namespace).to_owned()), name: NAME.into() }
    }

    /// Makes it, under a manager of this agent's own: two that do so at once conflict.
    async fn create(&self, target: &Target) -> Result<Value, ClusterError> {
        let now = micro_time(self.clock.now());
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": target.name, "namespace": target.namespace},
            "spec": {
                "holderIdentity": self.me, "leaseDurationSeconds": DURATION.as_secs(),
                "acquireTime": now, "renewTime": now,
            },
        });
        let manager = format!("{MANAGER}-{}", self.me);
        let how = Apply { manager: &manager, force: Force::Refuse, mode: ApplyMode::Keep };
        Ok(self.cluster.apply(target, &lease, how).await?.object)
    }

    /// Writes it, if it still has this version; an empty holder gives it back.
    async fn write(&self, target: &Target, version: &str, holder: &str) -> Result<Value, ClusterError> {
        let operations = json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/spec/holderIdentity", "value": holder},
            {"op": "add", "path": "/spec/leaseDurationSeconds", "value": DURATION.as_secs()},
            {"op": "add", "path": "/spec/renewTime", "value": micro_time(self.clock.now())},
        ]);
        self.cluster.patch_json(target, &operations, MANAGER).await
    }
}

/// Where the lease of an agent with this namespace of its own lies.
pub(crate) fn namespace(own: &str) -> &str {
    if own.is_empty() { DEFAULT_NAMESPACE } else { own }
}

fn tell(told: &watch::Sender<Standing>, now: Standing) {
    told.send_if_modified(|known| {
        match &now {
            Standing::Waits { holder } if *known != now => info!(holder, "another agent acts on this cluster"),
            Standing::Without { why } if *known != now => warn!(why, "acting without a lease"),
            Standing::Waits { .. } | Standing::Held { .. } | Standing::Unknown | Standing::Without { .. } => {}
        }
        std::mem::replace(known, now.clone()) != now
    });
}

fn read(lease: &Value) -> Record {
    let text = |pointer: &str| lease.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let seconds = lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_u64);
    Record {
        holder: text("/spec/holderIdentity"),
        version: text("/metadata/resourceVersion"),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    }
}

/// As the API server reads it: microseconds, always six digits.
fn micro_time(at: OffsetDateTime) -> String {
    const FORMAT: &[time::format_description::FormatItem<'_>] =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // Every part of it exists in every time.
    at.to_offset(time::UtcOffset::UTC).format(FORMAT).unwrap_or_default()
}
